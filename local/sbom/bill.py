"""The bill of materials of an image in CycloneDX 1.6. The same image makes the same document."""

import uuid
from datetime import UTC, datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from sbom.image import Image, Package


def bill_of_materials(image: Image) -> str:
    """Return the document as JSON: the image, and each package in it with its licences."""
    root = Component(
        type=ComponentType.CONTAINER,
        name=image.name,
        version=image.version or None,
        bom_ref=image.digest,
        purl=PackageURL("oci", None, image.name, image.digest),
    )
    components = [_component(package) for package in image.packages]
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, image.digest),
        metadata=BomMetaData(component=root, timestamp=_time(image.created)),
        components=components,
    )
    bom.register_dependency(root, components)
    return f"{JsonV1Dot6(bom).output_as_string(indent=2)}\n"


def _component(package: Package) -> Component:
    name = package.name.lower().replace("_", "-") if package.kind == "pypi" else package.name
    purl = PackageURL(package.kind, package.namespace, name, package.version, dict(package.qualifiers))
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        purl=purl,
        bom_ref=purl.to_string(),
        licenses=_licences(package),
    )


def _licences(package: Package) -> list[License]:
    """Return a package's licences; one that is an expression of SPDX must stand alone."""
    made = [LicenseFactory().make_from_string(name) for name in package.licences]
    if len(made) == 1:
        return made
    return [
        one if isinstance(one, DisjunctiveLicense) else DisjunctiveLicense(name=name)
        for one, name in zip(made, package.licences, strict=True)
    ]


def _time(created: str) -> datetime:
    # Go writes nanoseconds, of which Python reads six digits at most.
    seconds = created[:19]
    return datetime.fromisoformat(seconds).replace(tzinfo=UTC) if seconds else datetime.fromtimestamp(0, UTC)
