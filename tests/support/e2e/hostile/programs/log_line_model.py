"""A model for Triton's Python backend that does not load, and writes a line of 20,000 blanks into Triton's log."""

import sys
from typing import Any

sys.stdout.write("| m | 1 | UNAVAILABLE: no weights |\n| | | " + " " * 20_000 + "x\n")
sys.stdout.flush()


class TritonPythonModel:
    def initialize(self, _args: dict[str, str]) -> None:
        raise RuntimeError("no weights")

    def execute(self, _requests: list[Any]) -> list[Any]:
        return []
