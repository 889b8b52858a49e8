"""A process that would need more memory or larger files than it may have fails with a sentence, and is not killed."""

import gzip
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from nereid.api.model import Format
from nereid.contract.fetch_job import ENV_WORK, FetchWork
from nereid.contract.work import as_json

PROGRAM = """
import sys
from pathlib import Path
from nereid.models.fetch import command
from nereid.models.process_limits import limit_memory
command.limit_memory = lambda: limit_memory(Path(sys.argv[1]))
command.fetch(["--termination-log", sys.argv[2]])
"""


def fetched(folder: Path, work: FetchWork) -> str:
    """Run `nereid fetch` in a container with 96 MiB of memory, and return its termination message."""
    (folder / "memory.max").write_text(str(96 << 20))
    command = [sys.executable, "-c", PROGRAM, str(folder / "memory.max"), str(folder / "log")]
    ran = subprocess.run(command, env={**os.environ, ENV_WORK: as_json(work)}, check=False, capture_output=True)
    assert ran.returncode == 1, ran.stderr.decode()
    return (folder / "log").read_text()


def test_what_needs_more_memory_than_the_container_has_is_told(tmp_path: Path) -> None:
    """An archive whose header, which is read at once, is larger than that."""
    header = tarfile.TarInfo("header")
    header.type, header.size = tarfile.XHDTYPE, 128 << 20
    (tmp_path / "claim").mkdir()
    with gzip.open(tmp_path / "claim" / "m.tar.gz", "wb", compresslevel=1) as archive:
        archive.write(header.tobuf())
        for _ in range(128):
            archive.write(bytes(1 << 20))
    work = FetchWork(
        "pvc://models/m.tar.gz",
        format=Format.TRITON,
        model_name="m",
        destination=tmp_path / "models",
        claim_mount=tmp_path / "claim",
    )
    told = fetched(tmp_path, work)
    assert told.startswith("ModelTooLarge: what spec.model names does not fit into the memory of the container")


def test_a_file_larger_than_the_bound_cannot_be_written(tmp_path: Path) -> None:
    """Whatever else may count: here the configuration that is merged, which nobody counts."""
    (tmp_path / "claim" / "m" / "1").mkdir(parents=True)
    work = FetchWork(
        "pvc://models/",
        format=Format.TRITON,
        model_name="m",
        destination=tmp_path / "models",
        claim_mount=tmp_path / "claim",
        config={"parameters": {"p": {"stringValue": "x" * 2000}}},
        max_bytes=1000,
    )
    told = fetched(tmp_path, work)
    assert told.startswith("ModelTooLarge: pvc://models is larger than the limit of 1000: if it is meant")
