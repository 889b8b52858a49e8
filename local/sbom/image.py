"""Reads what is installed in an image from its archive, without running it: Python's packages, Debian's, and Python."""

import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath
from typing import Any, Final

_DELETED: Final = ".wh."
_EMPTIED: Final = ".wh..wh..opq"
_DPKG: Final = PurePosixPath("var/lib/dpkg")
_COPYRIGHT: Final = PurePosixPath("usr/share/doc")
_RELEASE: Final = (PurePosixPath("etc/os-release"), PurePosixPath("usr/lib/os-release"))
_CLASSIFIER: Final = "License :: "
# A package may have its licence's whole text in the place of its name.
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Package:
    """One installed package. kind: `pypi`, `deb` or `generic`. licences: as its authors name them, if they do."""

    kind: str
    name: str
    version: str
    licences: tuple[str, ...] = ()
    namespace: str | None = None
    qualifiers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Image:
    """An image: the digest of its manifest, when it was made, and its packages by kind and name."""

    name: str
    version: str
    digest: str
    created: str
    packages: tuple[Package, ...]


def read_image(archive: Path) -> Image:
    """Return what an OCI archive holds."""
    with tarfile.open(archive) as tar:
        manifest_digest = str(_json(tar, "index.json")["manifests"][0]["digest"])
        manifest = _json(tar, _blob(manifest_digest))
        config = _json(tar, _blob(manifest["config"]["digest"]))
        files: dict[PurePosixPath, bytes] = {}
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=tar.extractfile(_blob(layer["digest"]))) as content:
                _lay_over(files, content)
    settings = config.get("config", {})
    packages = (*_python_packages(files), *_debian_packages(files), *_python_itself(settings.get("Env") or ()))
    labels = settings.get("Labels") or {}
    own = next((package.version for package in packages if package.name == "nereid"), "")
    return Image(
        name=labels.get("org.opencontainers.image.title", archive.stem),
        version=labels.get("org.opencontainers.image.version", own),
        digest=manifest_digest,
        created=str(config.get("created", "")),
        packages=tuple(sorted(packages, key=lambda package: (package.kind, package.name.lower()))),
    )


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _json(tar: tarfile.TarFile, name: str) -> dict[str, Any]:
    file = tar.extractfile(name)
    assert file is not None, f"{name} is no file of the archive"
    found: dict[str, Any] = json.load(file)
    return found


def _lay_over(files: dict[PurePosixPath, bytes], layer: tarfile.TarFile) -> None:
    """Apply a layer to the files of those below it, as far as they tell of packages."""
    added: dict[PurePosixPath, bytes] = {}
    for entry in layer:
        path = PurePosixPath(entry.name.lstrip("./"))
        if path.name == _EMPTIED:
            _remove(files, path.parent)
        elif path.name.startswith(_DELETED):
            _remove(files, path.with_name(path.name.removeprefix(_DELETED)))
        elif entry.isfile() and _tells(path):
            content = layer.extractfile(entry)
            added[path] = content.read() if content else b""
    files.update(added)


def _remove(files: dict[PurePosixPath, bytes], gone: PurePosixPath) -> None:
    for path in [path for path in files if gone in (path, *path.parents)]:
        del files[path]


def _tells(path: PurePosixPath) -> bool:
    is_metadata = path.name == "METADATA" and path.parent.suffix == ".dist-info"
    is_status = path == _DPKG / "status" or path.parent == _DPKG / "status.d"
    is_copyright = path.name == "copyright" and path.is_relative_to(_COPYRIGHT)
    return is_metadata or is_status or is_copyright or path in _RELEASE


def _python_packages(files: Mapping[PurePosixPath, bytes]) -> Iterator[Package]:
    for path, content in files.items():
        if path.name == "METADATA":
            described = _headers(content)
            name, version = str(described["Name"]), str(described["Version"])
            yield Package("pypi", name, version, _licences(described))


def _licences(described: Message) -> tuple[str, ...]:
    """Return what a package says of its licence: an expression, else classifiers, else a short text."""
    if expression := described.get("License-Expression"):
        return (expression,)
    classifiers = [one for one in described.get_all("Classifier", []) if one.startswith(_CLASSIFIER)]
    named = tuple(one.rpartition(" :: ")[2] for one in classifiers if one.count(" :: ") > 1)
    text = (described.get("License") or "").strip()
    is_name = 0 < len(text) <= _LONGEST_NAME and "\n" not in text and text != "UNKNOWN"
    return (text,) if is_name and not named else named


def _debian_packages(files: Mapping[PurePosixPath, bytes]) -> Iterator[Package]:
    release = next((files[path] for path in _RELEASE if path in files), b"").decode()
    variables = dict(line.split("=", 1) for line in release.splitlines() if "=" in line)
    vendor = variables.get("ID", "debian").strip('"')
    distribution = f"{vendor}-{variables.get('VERSION_ID', '').strip(chr(34))}".rstrip("-")
    statuses = [content for path, content in files.items() if path.is_relative_to(_DPKG)]
    for stanza in (stanza for status in statuses for stanza in re.split(r"\n\n+", status.decode())):
        described = _headers(stanza.encode())
        if described["Package"] and described.get("Status", "installed").split()[-1:] == ["installed"]:
            name = str(described["Package"])
            licences = _debian_licences(files.get(_COPYRIGHT / name / "copyright", b""))
            qualifiers = {"arch": str(described["Architecture"]), "distro": distribution}
            yield Package("deb", name, str(described["Version"]), licences, vendor, qualifiers)


def _debian_licences(copyright_file: bytes) -> tuple[str, ...]:
    """Return the names in a machine-readable file of copyrights; others tell it in prose."""
    found = re.findall(r"^License: *(\S.*)$", copyright_file.decode(errors="replace"), re.MULTILINE)
    return tuple(sorted({name.strip() for name in found}))


def _python_itself(environment: tuple[str, ...] | list[str]) -> Iterator[Package]:
    """Yield the interpreter of Docker's Python images, which is built there and no package; they tell its version."""
    variables = dict(one.split("=", 1) for one in environment)
    if version := variables.get("PYTHON_VERSION"):
        yield Package("generic", "python", version, ("PSF-2.0",))


def _headers(content: bytes) -> Message:
    return HeaderParser().parsestr(content.decode(errors="replace"))
