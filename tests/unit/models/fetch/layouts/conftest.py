"""A staging area with a volume beside it, for each test a new one."""

from pathlib import Path

import pytest
from tests.support.fetch.layouts import Bench

from nereid.models.fetch.staging import Staging


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    staging = Staging(tmp_path / "models")
    staging.open()
    (tmp_path / "claim").mkdir()
    return Bench(staging, tmp_path / "claim")
