"""Proof that a file is the one that was meant: not empty, and with the digest that `spec.model.digest` names."""

import hashlib
from pathlib import Path

from nereid.fetch.errors import FetchError, Reason


def verify_file(path: Path, digest: str | None, shown: str) -> None:
    """Raise FetchError when the file is empty or has another digest than `sha256:<hex>`; reads in constant memory."""
    if path.stat().st_size == 0:
        raise FetchError(Reason.MODEL_INVALID, f"{shown} is empty: put the model's file there again")
    if digest is None:
        return
    with path.open("rb") as file:
        actual = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    if actual != digest.lower():
        raise FetchError(
            Reason.MODEL_DIGEST_MISMATCH,
            f"{shown} has the digest {actual}, but {digest} is expected: "
            "correct spec.model.digest, or put back the file that it names",
        )
