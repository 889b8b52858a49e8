"""What a recording of a watch waits for before it answers."""

from typing import Any

import pytest
from tests.support.api import recording
from tests.support.api.recording import Recording

PATH = "/deployments"


def deployment(version: int) -> dict[str, Any]:
    return {"metadata": {"name": "digits", "resourceVersion": str(version)}}


class OneThatEnds:
    """An API server that lists a Deployment, which is deleted before its watch gets there."""

    def path(self, _kind: str, _namespace: str) -> str:
        return PATH

    def request(self, _method: str, _path: str) -> dict[str, Any]:
        return {"metadata": {"resourceVersion": "7"}, "items": [deployment(7)]}


def test_what_was_listed_and_is_gone_when_the_watch_gets_there_counts_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Recording(OneThatEnds(), "Deployment", "shop")  # type: ignore[arg-type]

    def the_watch_goes_on(condition: Any, **_: Any) -> None:
        assert not condition()
        shown._on_event("MODIFIED", deployment(7))
        shown._on_event("DELETED", deployment(8))
        assert condition()

    monkeypatch.setattr(recording, "wait_until", the_watch_goes_on)
    assert shown.of("digits") == [deployment(7)]
