"""A process that hangs ends by itself and says where; one that is busy does not."""

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, re
from nereid.controller.shell.watchdog import watch

def hang():
    re.match("(a+)+$", "a" * 60 + "b")  # holds Python's lock

async def main():
    watchdog = asyncio.create_task(watch(2))
    await asyncio.sleep(0.1)
    {work}
    watchdog.cancel()

asyncio.run(main())
"""


@pytest.mark.parametrize(("work", "status"), [("hang()", 1), ("await asyncio.sleep(5)", 0)])
def test_a_process_ends_if_it_hangs(work: str, status: int) -> None:
    command = [sys.executable, "-c", PROGRAM.format(work=work)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == status
    assert ("in hang" in ended.stderr) == bool(status)
