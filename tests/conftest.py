"""What all tests share: programs that they start find Nereid as they do themselves, installed or not; an option."""

import os
from pathlib import Path

import pytest

OPERATOR = Path(__file__).parents[1] / "operator"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what is built now as what is expected")


def pytest_configure() -> None:
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(OPERATOR), os.environ.get("PYTHONPATH")]))
