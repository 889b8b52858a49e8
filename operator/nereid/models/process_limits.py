"""What one of the short processes may take of its node, whatever a server or an archive holds.

The kernel ends a process that exceeds its container's memory, and nobody learns why. So the process gets a limit of its
own a little below: it fails at the allocation, and can say so. The size of files is limited as the code counts it, too.
"""

import resource
from pathlib import Path
from typing import Final

_CONTAINERS_MEMORY: Final = Path("/sys/fs/cgroup/memory.max")
# The rest is for programs and libraries, which the limit does not count.
_EIGHTHS: Final = 7


def limit_file_size(most: int) -> None:
    """Let this process write no file of more bytes; the error is an OSError with EFBIG."""
    _lower(resource.RLIMIT_FSIZE, most)


def limit_memory(container: Path = _CONTAINERS_MEMORY) -> None:
    """Let this process allocate a little less than its container's limit, if there is one; beyond is a MemoryError."""
    try:
        limit = int(container.read_text())
    except (OSError, ValueError):
        # There is no limit ("max"), or no such file outside a container.
        return
    _lower(resource.RLIMIT_DATA, limit * _EIGHTHS // 8)


def unlimit_memory() -> None:
    """Give back what is above the limit, to report that it was reached."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _lower(limit: int, to: int) -> None:
    _, hard = resource.getrlimit(limit)
    soft = to if hard == resource.RLIM_INFINITY else min(to, hard)
    resource.setrlimit(limit, (soft, hard))
