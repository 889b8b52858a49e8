"""Models in an OCI registry: images with the model below /models, and artifacts whose layers are its files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from nereid.contract.fetch_request import Request
from nereid.contract.source import OciSource
from nereid.models.sources.bounds import Bound
from nereid.models.sources.oci.layers import unpack_layers
from nereid.models.sources.oci.manifest import Layer, Packing, layers_of
from nereid.models.sources.oci.registry import Registry, registry_of
from nereid.models.sources.remote import RemoteFile


class OciFiles:
    """The layers of an image or artifact, and how they are unpacked after the download."""

    def __init__(self, registry: Registry, bound: Bound) -> None:
        self._registry = registry
        self._bound = bound
        self._layers: tuple[Layer, ...] = ()

    def files(self) -> Sequence[RemoteFile]:
        """Return the layers."""
        self._layers = layers_of(self._registry.manifest(), str(self._registry.source))
        return [RemoteFile(layer.path, layer.size, layer.digest, layer.sha256) for layer in self._layers]

    @property
    def is_packed(self) -> bool:
        """Whether the listed files have to be unpacked: then all of them are needed to know the model's files."""
        return any(layer.packing is not Packing.FILE for layer in self._layers)

    def read(self, file: RemoteFile, offset: int) -> Iterator[bytes]:
        """Yield the layer's bytes; a registry addresses a blob by its digest, so it never changes."""
        return self._registry.blob(file.version, offset)

    def unpack(self, downloaded: Path, into: Path) -> None:
        """Fill `into` with the model's files from the downloaded layers, which are not changed."""
        unpack_layers(self._layers, downloaded, into, str(self._registry.source), self._bound)


def open_files(source: OciSource, request: Request) -> OciFiles:
    """Return the files of the source; the registry gets no request before they are listed."""
    return OciFiles(registry_of(source, request), Bound.of(request, str(source)))
