"""The operator follows the key that it shares with the activator, and is the last to use another one."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from nereid.controller.shell.activator_key import ActivatorKey

OLD, NEW = "old-" * 8, "new-" * 8


@asynccontextmanager
async def following(folder, *, spread_seconds: float):
    changes = []
    key = ActivatorKey(folder, lambda: changes.append(key.current), look_seconds=0.01, spread_seconds=spread_seconds)
    task = asyncio.create_task(key.run())
    yield key, changes
    task.cancel()


async def until_changed(changes: list[str]) -> None:
    async with asyncio.timeout(5):
        while not changes:  # noqa: ASYNC110 - another process, so to speak, sets no event
            await asyncio.sleep(0.01)


async def test_a_new_key_is_used_once_every_activator_has_it_and_all_routes_are_written_anew(tmp_path):
    (tmp_path / "keys").write_text(OLD)
    async with following(tmp_path, spread_seconds=0.5) as (key, changes):
        assert key.current == OLD
        (tmp_path / "keys").write_text(f"{NEW} {OLD}")
        await asyncio.sleep(0.2)
        assert (key.current, changes) == (OLD, [])
        await until_changed(changes)
        assert (key.current, changes) == (NEW, [NEW])


async def test_a_first_key_is_used_at_once(tmp_path, caplog):
    async with following(tmp_path, spread_seconds=60) as (key, changes):
        assert "has no key of 32 characters or more" in caplog.text
        (tmp_path / "keys").write_text(NEW)
        await until_changed(changes)
        assert key.current == NEW


@pytest.mark.parametrize("text", ["", "too short", b"\xff\xfe"])
async def test_a_file_that_holds_no_key_changes_nothing(tmp_path, text):
    (tmp_path / "keys").write_text(OLD)
    async with following(tmp_path, spread_seconds=0) as (key, changes):
        (tmp_path / "keys").write_bytes(text if isinstance(text, bytes) else text.encode())
        await asyncio.sleep(0.1)
        (tmp_path / "keys").unlink()
        await asyncio.sleep(0.1)
        assert (key.current, changes) == (OLD, [])


def test_without_an_activator_there_is_none(caplog):
    assert ActivatorKey(None, lambda: None).current == ""
    assert not caplog.text
