"""Resolves a branch or tag on a Hugging Face hub to a commit."""

from nereid.contract.fetch_request import Request
from nereid.contract.model_job import RegistryProvenance
from nereid.contract.source import HubSource
from nereid.models.registry.answer_lines import resolved_line
from nereid.models.sources.huggingface import open_files


def resolve_revision(source: HubSource, request: Request) -> str:
    """Return the result line with the commit that the revision leads to now."""
    commit = open_files(source, request).commit()
    return resolved_line(f"hf://{source.repository}:{commit}", RegistryProvenance())
