"""Log lines name the object that they are about."""

import asyncio
import io
import json
import logging

import pytest

from nereid.controller.shell.handlers import _configure_logging
from nereid.controller.shell.log_object import set_logged_object


@pytest.fixture
def lines(monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.root.level)
    _configure_logging("json", "info")
    output = io.StringIO()
    for handler in logging.root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(output)
    return lambda: [json.loads(line) for line in output.getvalue().splitlines()]


def test_each_line_of_a_pass_names_its_object(lines):
    async def one_pass(name):
        set_logged_object(("shop", name))
        await asyncio.sleep(0)
        logging.getLogger("nereid.controller.shell.conductor").info("RolloutStarted: it begins")
        await asyncio.create_task(measure())

    async def measure():
        logging.getLogger("nereid.controller.shell.metrics").warning("no view")

    async def workers():
        await asyncio.gather(*(asyncio.create_task(one_pass(name)) for name in ("fraud", "digits")))

    asyncio.run(workers())
    told = [(line["message"], line["object"]["namespace"], line["object"]["name"]) for line in lines()]
    assert sorted(told) == [
        ("RolloutStarted: it begins", "shop", "digits"),
        ("RolloutStarted: it begins", "shop", "fraud"),
        ("no view", "shop", "digits"),
        ("no view", "shop", "fraud"),
    ]


def test_what_is_about_no_object_names_none(lines):
    logging.getLogger("nereid.controller.shell.engine").info("all watches are up to date")
    assert "object" not in lines()[0]
