"""Every ModelDeployment that the documentation or the examples show is one that the API server takes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.api.kubernetes import Kubernetes

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def texts() -> Iterator[tuple[Path, str]]:
    for page in [
        ROOT / "README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "examples").rglob("*.md")),
    ]:
        for block in FENCED.findall(page.read_text()):
            yield page, block
    for manifest in sorted((ROOT / "examples").rglob("*.yaml")):
        yield manifest, manifest.read_text()


def shown() -> Iterator[Any]:
    for source, text in texts():
        for document in yaml.safe_load_all(text):
            if isinstance(document, dict) and document.get("kind") == "ModelDeployment":
                yield pytest.param(document, id=f"{source.relative_to(ROOT)}:{document['metadata']['name']}")


@pytest.mark.parametrize("document", list(shown()))
def test_what_is_shown_can_be_applied(kubernetes: Kubernetes, document: dict[str, Any]) -> None:
    document["metadata"]["namespace"] = "default"
    path = kubernetes.path("ModelDeployment", "default")
    kubernetes.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", document)


def test_something_is_shown() -> None:
    assert len(list(shown())) >= 8
