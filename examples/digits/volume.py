"""Puts files on a PersistentVolumeClaim, through a pod that mounts it for as long as that takes."""

import io
import tarfile
from collections.abc import Mapping
from typing import Final

from digits.cluster import Cluster, Manifest
from digits.pods import helper_pod

_LOADER: Final = "volume-loader"
_MOUNT: Final = "/volume"
_UNPACK: Final = f"import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall('{_MOUNT}')"


def upload(cluster: Cluster, namespace: str, claim: str, files: Mapping[str, bytes]) -> None:
    """Make a claim of the default storage class and write the files, named by their paths, to it."""
    image = cluster.operator_image
    cluster.apply(_claim(claim), _loader(claim, image), namespace=namespace)
    cluster.wait_for_pod(_LOADER, namespace)
    cluster.kubectl(
        "exec", "--stdin", _LOADER, "--", "python3", "-c", _UNPACK, stdin=_archive(files), namespace=namespace
    )
    cluster.kubectl("delete", "pod", _LOADER, "--wait=false", namespace=namespace)


def _archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _claim(name: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}},
    }


def _loader(claim: str, image: str) -> Manifest:
    return helper_pod(
        _LOADER,
        image,
        ["python3", "-c", "import signal; signal.pause()"],
        volumes={_MOUNT: {"persistentVolumeClaim": {"claimName": claim}}},
    )
