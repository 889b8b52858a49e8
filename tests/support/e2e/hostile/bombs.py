"""Archives that are small, and unpack to a lot."""

import gzip
import tarfile
from typing import Final

_MEBIBYTE: Final = 1 << 20


def bomb(mebibytes: int) -> bytes:
    """Return a .tar.gz with one file of zeros, which is a thousandth of its size."""
    member = tarfile.TarInfo("model.onnx")
    member.size = mebibytes * _MEBIBYTE
    # A file in gzip's format may have several parts, so that one is compressed and repeated.
    parts = [gzip.compress(member.tobuf()), *([gzip.compress(bytes(_MEBIBYTE))] * mebibytes)]
    return b"".join([*parts, gzip.compress(bytes(2 * tarfile.BLOCKSIZE))])
