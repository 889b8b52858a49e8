"""Every example can be applied as it is."""

from pathlib import Path

import pytest
from digits.cluster import Cluster

EXAMPLES = Path(__file__).parents[2] / "examples"
MANIFESTS = sorted(path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*.yaml"))


@pytest.mark.parametrize("manifest", MANIFESTS, ids=str)
def test_example_is_accepted(cluster: Cluster, manifest: Path) -> None:
    done = cluster.kubectl("apply", "--dry-run=server", "--filename", str(EXAMPLES / manifest), namespace="default")
    assert "modeldeployment.nereid.dev/" in done


def test_index_names_every_manifest() -> None:
    index = (EXAMPLES / "README.md").read_text()
    assert [path for path in MANIFESTS if f"({path})" not in index] == []
