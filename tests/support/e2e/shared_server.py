"""One server for all worker processes of a test run: the first that needs it starts it, and stops it when nobody does.

It ends with the process that started it, so that process waits for the others before it ends.
"""

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from servers.process import Server
from tests.support.e2e.locks import locked, shared

AnyServer = TypeVar("AnyServer", bound=Server)
_LOOK_SECONDS = 0.5


@contextmanager
def shared_server(server: AnyServer) -> Iterator[AnyServer]:
    """Run a server, or find the one that another worker runs in the same folder; all of them may use it meanwhile."""
    folder = server.folder
    ports, starting, use = (folder / name for name in ("ports.json", "starting.lock", "use.lock"))
    with locked(starting):
        is_mine = not ports.exists()
        if is_mine:
            server.start()
            ports.write_text(json.dumps(server.ports))
        else:
            server.ports = json.loads(ports.read_text())
        using = shared(use)
        using.__enter__()
    try:
        yield server
    finally:
        using.__exit__(None, None, None)
        if is_mine:
            _stop(server, ports, starting, use)


def _stop(server: Server, ports: Path, starting: Path, use: Path) -> None:
    """Stop a server once nobody uses it; who comes later starts another one."""
    while True:
        with locked(starting), use.open("a") as file:
            if _is_free(file.fileno()):
                ports.unlink()
                server.stop()
                return
        time.sleep(_LOOK_SECONDS)


def _is_free(use: int) -> bool:
    try:
        fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
