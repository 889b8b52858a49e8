import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cluster import images
from cluster.errors import ClusterError


def write_archive(path: Path, files: dict[str, Any]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            data = json.dumps(content).encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def test_docker_archive(tmp_path: Path) -> None:
    manifest = [{"Config": "abc.json", "RepoTags": ["docker.io/local/a:1"], "Layers": []}]
    archive = write_archive(tmp_path / "a.tar", {"manifest.json": manifest})
    assert images.configurations(archive) == {"docker.io/local/a:1": "sha256:abc"}


def test_oci_archive(tmp_path: Path) -> None:
    annotations = {"org.opencontainers.image.ref.name": "docker.io/local/a:1"}
    index = {"manifests": [{"digest": "sha256:def", "annotations": annotations}]}
    manifest = {"config": {"digest": "sha256:abc"}}
    archive = write_archive(tmp_path / "a.tar", {"index.json": index, "blobs/sha256/def": manifest})
    assert images.configurations(archive) == {"docker.io/local/a:1": "sha256:abc"}


@pytest.mark.parametrize("files", [{}, {"manifest.json": []}, {"index.json": {}}])
def test_an_archive_without_an_image_is_refused(tmp_path: Path, files: dict[str, Any]) -> None:
    with pytest.raises(ClusterError, match="image"):
        images.configurations(write_archive(tmp_path / "a.tar", files))


def test_replaced_images_lose_their_second_reference() -> None:
    listing = """REF TYPE DIGEST SIZE
docker.io/local/a:1 t sha256:new 1 MiB
sha256:c1 t sha256:old 1 MiB
sha256:c2 t sha256:new 1 MiB
"""
    assert images.unnamed(images.stored_targets(listing)) == ["sha256:c1"]
