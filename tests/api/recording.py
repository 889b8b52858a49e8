"""Every state that objects were in, as a watch shows them: also those that last for a moment only."""

from tests.api.follower import Follower
from tests.api.kubernetes import Kubernetes, Object


class Recording:
    """The states of a namespace's objects of one kind, in order, since `start`."""

    def __init__(self, kubernetes: Kubernetes, kind: str, namespace: str) -> None:
        self._follower = Follower(kubernetes, kubernetes.path(kind, namespace), self._on_event)
        self._objects: list[Object] = []
        self._present: dict[str, Object] = {}
        self._pictures: list[list[Object]] = []

    def start(self) -> None:
        self._follower.start()

    def stop(self) -> None:
        self._follower.stop()

    def of(self, name: str) -> list[Object]:
        """Return the states of one object."""
        return [one for one in self._objects if one["metadata"]["name"] == name]

    def pictures(self) -> list[list[Object]]:
        """Return, for each change of any of the objects, all that were there then."""
        return list(self._pictures)

    def _on_event(self, event: str, found: Object) -> None:
        name = found["metadata"]["name"]
        if event == "DELETED":
            self._present.pop(name, None)
        else:
            self._present[name] = found
            self._objects.append(found)
        self._pictures.append(list(self._present.values()))
