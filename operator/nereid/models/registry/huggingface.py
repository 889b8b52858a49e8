"""What a Hugging Face hub knows: the commit behind a branch or tag, which is the version of a model there."""

from nereid.contract.fetch_request import Request
from nereid.contract.model_job import RegistryProvenance
from nereid.contract.source import HubSource
from nereid.models.registry.answer_lines import found_line
from nereid.models.sources.huggingface import open_files


def resolve_revision(source: HubSource, request: Request) -> str:
    """Return the line that tells the commit behind the source's revision."""
    commit = open_files(source, request).commit()
    return found_line(f"hf://{source.repository}:{commit}", RegistryProvenance())
