"""What the commands of a terminal see, made of the documents of tests."""

from typing import Any

from tests.support.documents import STATES

from nereid.cli.view import View, read


def command_line(command: str, *arguments: str) -> str:
    """Return how a person calls a command of the plug-in for kubectl."""
    return " ".join(["kubectl nereid", command, *arguments])


def view(state: str, /, annotations: dict[str, str] | None = None, **rollout: Any) -> View:
    """Return the view of a state of `documents`, with annotations and fields of the rollout changed."""
    found = STATES[state]
    metadata = {**found["metadata"], "annotations": annotations or {}}
    status = {**found["status"], **({"rollout": {**found["status"]["rollout"], **rollout}} if rollout else {})}
    return read({**found, "metadata": metadata, "status": status})
