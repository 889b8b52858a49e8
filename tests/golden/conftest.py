from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Let the folder of a case stand for its test: `.venv/bin/pytest tests/golden/gateways`."""
    config.args = [selected(argument, config.invocation_params.dir) for argument in config.args]


def selected(argument: str, directory: Path) -> str:
    case = (directory / argument).resolve()
    is_case = case.parent == HERE and (case / "in.yaml").exists()
    return f"{HERE / 'test_manifests.py'}::test_manifests[{case.name}]" if is_case else argument
