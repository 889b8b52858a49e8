"""What a Hugging Face hub knows: the commit behind a branch or tag, which is the version of a model there."""

from nereid.api.model_job import RegistryProvenance
from nereid.fetch.remotes.huggingface import open_files
from nereid.fetch.request import Request
from nereid.fetch.source import HubSource
from nereid.registry.outcome import found_line


def resolve_revision(source: HubSource, request: Request) -> str:
    """Return the line that tells the commit behind the source's revision."""
    commit = open_files(source, request).commit()
    return found_line(f"hf://{source.repository}:{commit}", RegistryProvenance())
