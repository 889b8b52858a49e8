"""Every state that objects were in, as a watch shows them: also those that last for a moment only."""

from tests.support.api.follower import Follower
from tests.support.api.kubernetes import Kubernetes, Object
from tests.support.api.waiting import wait_until


class Recording:
    """The states of a namespace's objects of one kind, in order, since `start`."""

    def __init__(self, kubernetes: Kubernetes, kind: str, namespace: str) -> None:
        self._kubernetes = kubernetes
        self._path = kubernetes.path(kind, namespace)
        self._follower = Follower(kubernetes, self._path, self._on_event)
        self._objects: list[Object] = []
        self._present: dict[str, Object] = {}
        self._shown: dict[str, int] = {}
        self._pictures: list[list[Object]] = []

    def start(self) -> None:
        self._follower.start()

    def stop(self) -> None:
        self._follower.stop()

    def of(self, name: str) -> list[Object]:
        """Return the states of one object, up to that which it has now."""
        self._catch_up()
        return [one for one in self._objects if one["metadata"]["name"] == name]

    def pictures(self) -> list[list[Object]]:
        """Return, for each change of any of the objects, all that were there then, up to now."""
        self._catch_up()
        return list(self._pictures)

    def _catch_up(self) -> None:
        """Wait for what a reader sees already: a watch is told of a write a moment after it.

        What the reader sees may be gone by the time that the watch gets there, so an end counts as shown, too.
        """
        listed = self._kubernetes.request("GET", self._path)
        now = {one["metadata"]["name"]: version(one) for one in listed["items"]}

        def is_shown() -> bool:
            present = {name: version(one) for name, one in list(self._present.items())}
            gone = {name for name, seen in present.items() if name not in now and seen <= version(listed)}
            return not gone and all(self._shown.get(name, 0) >= newest for name, newest in now.items())

        wait_until(is_shown, seconds=60, what=f"the watch of {self._path} showing what is there")

    def _on_event(self, event: str, found: Object) -> None:
        name = found["metadata"]["name"]
        self._shown[name] = version(found)
        if event == "DELETED":
            self._present.pop(name, None)
        else:
            self._present[name] = found
            self._objects.append(found)
        self._pictures.append(list(self._present.values()))


def version(found: Object) -> int:
    """Return when an object got to be what it is, in the order of all writes."""
    return int(found["metadata"]["resourceVersion"])
