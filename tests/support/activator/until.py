"""Waiting for what no event tells of."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    """Wait until the condition holds; raise TimeoutError after some seconds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - conditions of the code under test set no event
            await asyncio.sleep(0.01)
