"""The bill of materials tells what is in an image, and is a document that other programs can read."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from sbom.__main__ import main

SITE = "opt/nereid/lib/python3.11/site-packages"
STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: never
Status: unknown ok not-installed
Architecture: amd64
Version: 1

Package: broken
Status: install reinstreq half-installed
Architecture: amd64
Version: 1
"""


def metadata(name: str, version: str, *lines: str) -> dict[str, str]:
    content = "\n".join(("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines, "", "Its page."))
    return {f"{SITE}/{name}-{version}.dist-info/METADATA": content}


LAYERS = (
    {
        "etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
        "var/lib/dpkg/status": STATUS,
        "usr/share/doc/libc6/copyright": "Files: *\nLicense: LGPL-2.1+\n",
        **metadata("pip", "23.0", "License-Expression: MIT"),
    },
    {
        **metadata("nereid", "0.1.0", "License-Expression: Apache-2.0"),
        **metadata("old_style", "1.0", "Classifier: License :: OSI Approved :: BSD License"),
        **metadata("two", "2", "Classifier: License :: OSI Approved :: A", "Classifier: License :: OSI Approved :: B"),
        **metadata("silent", "3", "License: UNKNOWN"),
        f"{SITE}/.wh.pip-23.0.dist-info": "",
    },
)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An image of two layers, of which the upper one deletes a package, as an OCI archive."""
    blobs: dict[str, bytes] = {}

    def blob(content: bytes) -> dict[str, str]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {"digest": f"sha256:{digest}"}

    layers = [blob(tar({name: text.encode() for name, text in layer.items()})) for layer in LAYERS]
    settings = {"Labels": {"org.opencontainers.image.title": "nereid"}, "Env": ["PYTHON_VERSION=3.11.16"]}
    config = blob(json.dumps({"created": "2026-11-30T19:55:11.534173979Z", "config": settings}).encode())
    manifest = blob(json.dumps({"config": config, "layers": layers}).encode())
    index = {"index.json": json.dumps({"manifests": [manifest]}).encode()}
    path = tmp_path / "nereid.tar"
    path.write_bytes(tar({**blobs, **index}))
    return path


def tar(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as packed:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return made.getvalue()


@pytest.fixture
def bill(archive: Path, tmp_path: Path) -> dict[str, Any]:
    main([str(archive), "--into", str(tmp_path / "sbom")])
    found: dict[str, Any] = json.loads((tmp_path / "sbom" / "nereid.cdx.json").read_text())
    return found


def test_the_document_satisfies_the_schema_of_cyclonedx(bill: dict[str, Any]) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")


def test_it_has_each_package_that_is_installed_and_none_that_was_deleted(bill: dict[str, Any]) -> None:
    assert sorted(component["purl"] for component in bill["components"]) == [
        "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12",
        "pkg:generic/python@3.11.16",
        "pkg:pypi/nereid@0.1.0",
        "pkg:pypi/old-style@1.0",
        "pkg:pypi/silent@3",
        "pkg:pypi/two@2",
    ]
    image = bill["metadata"]["component"]
    assert (image["type"], image["name"], image["version"]) == ("container", "nereid", "0.1.0")


def test_it_tells_each_licence_as_the_package_does(bill: dict[str, Any]) -> None:
    told = {component["name"]: component.get("licenses") for component in bill["components"]}
    assert told["nereid"] == [{"license": {"id": "Apache-2.0"}}]
    assert told["old_style"] == [{"license": {"name": "BSD License"}}]
    assert {one["license"]["name"] for one in told["two"]} == {"A", "B"}
    assert told["silent"] is None


def test_the_same_image_makes_the_same_document(archive: Path, bill: dict[str, Any], tmp_path: Path) -> None:
    main([str(archive), "--into", str(tmp_path / "again")])
    assert json.loads((tmp_path / "again" / "nereid.cdx.json").read_text()) == bill


@pytest.mark.usefixtures("bill")
def test_the_list_of_licences_has_a_line_for_each_package(tmp_path: Path) -> None:
    lines = (tmp_path / "sbom" / "nereid.licences.md").read_text().splitlines()
    assert "| libc6 | 2.36-9 | Debian | LGPL-2.1+ |" in lines
    assert "| two | 2 | Python | A / B |" in lines
    assert "| silent | 3 | Python | not stated in the image |" in lines
