"""What other tools push to an OCI registry, made by hand where the tool itself is no Python package."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

import requests
from servers.oci import OciRegistry

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = b"{}"


class Pusher:
    """Writes to one repository of a registry."""

    def __init__(self, registry: OciRegistry, repository: str, headers: Mapping[str, str] | None = None) -> None:
        self.registry = registry
        self.repository = repository
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(registry.authority.certificate)
        self._session.headers.update(headers or {})

    def uri(self, reference: str) -> str:
        separator = "@" if reference.startswith("sha256:") else ":"
        return f"oci://{self.registry.host}/{self.repository}{separator}{reference}"

    def blob(self, content: bytes) -> dict[str, Any]:
        digest = _digest(content)
        begun = self._session.post(f"{self.registry.url}/v2/{self.repository}/blobs/uploads/")
        begun.raise_for_status()
        location = begun.headers["Location"]
        joined = f"{location}{'&' if '?' in location else '?'}digest={digest}"
        self._session.put(joined, data=content).raise_for_status()
        return {"digest": digest, "size": len(content)}

    def layer(self, content: bytes, media_type: str, **annotations: str) -> dict[str, Any]:
        named = {"mediaType": media_type, **self.blob(content)}
        return {**named, "annotations": annotations} if annotations else named

    def manifest(self, tag: str, *layers: dict[str, Any], **fields: Any) -> str:
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", **self.blob(CONFIG)}
        content = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": list(layers), **fields}
        return self.put(tag, content)

    def put(self, tag: str, manifest: Mapping[str, Any]) -> str:
        content = json.dumps(manifest).encode()
        self._session.put(
            f"{self.registry.url}/v2/{self.repository}/manifests/{tag}",
            data=content,
            headers={"Content-Type": str(manifest["mediaType"])},
        ).raise_for_status()
        return _digest(content)


def tar(files: Mapping[str, bytes | tarfile.TarInfo], *, compressed: bool = True) -> bytes:
    """Return a tar of files; a TarInfo is an entry of another kind."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                content.name = name
                archive.addfile(content)
                continue
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0) if compressed else buffer.getvalue()


def link(target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo()
    entry.type, entry.linkname = kind, target
    return entry


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
