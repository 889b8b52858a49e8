"""What an OCI registry knows: the digest behind a tag, and the annotations that say where an image came from."""

from typing import Final

from nereid.contract.fetch_request import Request
from nereid.contract.model_job import RegistryProvenance
from nereid.contract.source import OciSource
from nereid.models.registry.answer_lines import found_line
from nereid.models.sources.oci.registry import registry_of

_COMMIT: Final = "org.opencontainers.image.revision"
_REPOSITORY: Final = "org.opencontainers.image.source"


def resolve_tag(source: OciSource, request: Request) -> str:
    """Return the line that tells the digest behind the source's tag."""
    digest, manifest = registry_of(source, request).resolve()
    annotations = manifest.get("annotations") or {}
    made = RegistryProvenance(commit=annotations.get(_COMMIT), repository=annotations.get(_REPOSITORY))
    return found_line(f"oci://{source.registry}/{source.repository}@{digest}", made)
