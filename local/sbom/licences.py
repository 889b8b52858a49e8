"""The packages of an image by licence, as a table for people."""

from typing import Final

from sbom.image import Image

_KINDS: Final = {"pypi": "Python", "deb": "Debian", "generic": "built in the base image"}
_UNKNOWN: Final = "not stated in the image"


def licence_list(image: Image) -> str:
    """Return a Markdown table with each package, its version and its licences."""
    lines = [
        f"# Licences in the image {image.name}",
        "",
        f"Manifest {image.digest}. Each licence is named as its package names it.",
        "",
        "| package | version | from | licence |",
        "|---|---|---|---|",
    ]
    for package in image.packages:
        licence = " / ".join(package.licences) or _UNKNOWN
        lines.append(f"| {package.name} | {package.version} | {_KINDS[package.kind]} | {licence.replace('|', ',')} |")
    return "\n".join([*lines, ""])
