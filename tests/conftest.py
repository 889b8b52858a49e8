"""What all tests share: programs that they start find Nereid as they do themselves, installed or not."""

import os
from pathlib import Path

OPERATOR = Path(__file__).parents[1] / "operator"


def pytest_configure() -> None:
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(OPERATOR), os.environ.get("PYTHONPATH")]))
