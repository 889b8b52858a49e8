"""Ports for the servers of tests: each worker of a test run has its own, so that they cannot take each other's.

A port that the kernel hands out is free when it is chosen, and may be another's by the time that its server listens.
"""

import errno
import itertools
import os
import random
import socket
from collections.abc import Iterator
from typing import Final

# Below what the kernel hands out, and Kubernetes for NodePorts; above those of the Services in the mesh and of Istio,
# some of which pods with a sidecar can reach nowhere.
_PORTS: Final = range(21_000, 30_000)


def _own_ports() -> Iterator[int]:
    """Go round the ports of this worker alone, from anywhere, as another run may go on beside this one."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    own = _PORTS[worker::workers]
    start = random.randrange(len(own))
    return itertools.cycle((*own[start:], *own[:start]))


_OWN_PORTS: Final = _own_ports()


def free_ports(address: str, count: int) -> list[int]:
    """Return different ports that are free at the address, and that no other caller is given for a long while."""
    free = (port for port in _OWN_PORTS if _is_free(address, port))
    return list(itertools.islice(free, count))


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
        return True
