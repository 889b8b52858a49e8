"""Resolves a tag in an OCI registry to a digest, with the provenance in the image's annotations."""

from typing import Final

from nereid.contract.fetch_request import Request
from nereid.contract.model_job import RegistryProvenance
from nereid.contract.source import OciSource
from nereid.models.registry.answer_lines import resolved_line
from nereid.models.sources.oci.registry import registry_of

_COMMIT: Final = "org.opencontainers.image.revision"
_REPOSITORY: Final = "org.opencontainers.image.source"


def resolve_tag(source: OciSource, request: Request) -> str:
    """Return the result line with the digest that the tag leads to now."""
    digest, manifest = registry_of(source, request).resolve()
    annotations = manifest.get("annotations") or {}
    provenance = RegistryProvenance(commit=annotations.get(_COMMIT), repository=annotations.get(_REPOSITORY))
    return resolved_line(f"oci://{source.registry}/{source.repository}@{digest}", provenance)
