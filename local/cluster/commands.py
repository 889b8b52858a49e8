"""Runs short programs and turns their failures into sentences."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster.errors import ClusterError


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    stdin: str | None = None,
    folder: Path | None = None,
) -> str:
    """Run `command` to its end and return its standard output; raise ClusterError with its last words if it fails."""
    words = [str(word) for word in command]
    try:
        result = subprocess.run(
            words, env=dict(environment), input=stdin, cwd=folder, text=True, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise ClusterError(f"{words[0]} is not installed") from error
    if result.returncode:
        raise ClusterError(f"`{' '.join(words)}` failed ({result.returncode}): {_last_words(result)}")
    return result.stdout


def write_if_changed(target: Path, text: str) -> None:
    """Write `text` to `target`, which a running program may watch, only if that makes a difference."""
    if not target.exists() or target.read_text() != text:
        target.write_text(text)


def _last_words(result: subprocess.CompletedProcess[str]) -> str:
    text = (result.stderr or result.stdout).strip()
    return "\n".join(text.splitlines()[-15:]) or "it printed nothing"
