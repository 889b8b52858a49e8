"""Writes a bill of materials (CycloneDX 1.6, JSON) and a list of licences for each image, from what is installed in it.

    python -m sbom ARCHIVE... --into FOLDER

An archive is an OCI archive, as `local/images/build` makes them, and as
`skopeo copy docker://REGISTRY/IMAGE oci-archive:FILE` makes them of a published image.
"""

import argparse
from pathlib import Path

from sbom.bill import bill_of_materials
from sbom.image import read_image
from sbom.licences import licence_list


def main(arguments: list[str] | None = None) -> None:
    """Write NAME.cdx.json and NAME.licences.md for each archive, NAME.tar."""
    parser = argparse.ArgumentParser(prog="sbom")
    parser.add_argument("archives", nargs="+", type=Path)
    parser.add_argument("--into", type=Path, required=True)
    options = parser.parse_args(arguments)
    options.into.mkdir(parents=True, exist_ok=True)
    for archive in options.archives:
        image = read_image(archive)
        bill = options.into / f"{archive.stem}.cdx.json"
        bill.write_text(bill_of_materials(image))
        licences = options.into / f"{archive.stem}.licences.md"
        licences.write_text(licence_list(image))
        print(f"{bill} and {licences.name}: {len(image.packages)} packages")


if __name__ == "__main__":
    main()
