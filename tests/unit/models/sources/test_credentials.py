"""Secrets as the kubelet mounts them, and what is said when they are not enough."""

from pathlib import Path

import pytest

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.models.sources.credentials import Credentials


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A folder as the kubelet makes it: each key is a link into a directory that it swaps."""
    (tmp_path / "..2026").mkdir()
    for key, value in {"token": "t0k3n\n", "empty": ""}.items():
        (tmp_path / "..2026" / key).write_text(value)
        (tmp_path / key).symlink_to(Path("..data", key))
    (tmp_path / "..data").symlink_to("..2026")
    return tmp_path


def test_values_come_without_the_line_break(mounted: Path) -> None:
    credentials = Credentials.read(mounted)
    assert dict(credentials) == {"token": "t0k3n", "empty": ""}
    assert (credentials.value("token"), credentials.value("empty"), credentials.value("x")) == ("t0k3n", None, None)


def test_values_are_never_shown(mounted: Path) -> None:
    assert "t0k3n" not in repr(Credentials.read(mounted))


@pytest.mark.parametrize("folder", [None, Path("/nowhere")])
def test_no_secret_is_no_credentials(folder: Path | None) -> None:
    assert not Credentials.read(folder)


def test_a_value_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff")
    with pytest.raises(FetchError, match="a value that is not text") as caught:
        Credentials.read(tmp_path)
    assert caught.value.reason is Reason.MODEL_ACCESS_DENIED


@pytest.mark.parametrize("value", ["two\nlines", "a blank", "schlüssel"])
def test_a_token_that_cannot_be_sent_is_told_and_not_shown(tmp_path: Path, value: str) -> None:
    (tmp_path / "token").write_text(value)
    with pytest.raises(FetchError, match=r"token of the Secret .* in one line") as caught:
        Credentials.read(tmp_path).token("token")
    assert caught.value.reason is Reason.MODEL_ACCESS_DENIED
    assert value not in str(caught.value)
