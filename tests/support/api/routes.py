"""What VirtualServices say, in few words."""

from typing import Any

from tests.support.api.kubernetes import Object


def destinations(found: Object, name: str = "http") -> dict[str, int]:
    """Return the weights of a route's destinations, by the revision's Service; nothing where there is no such route."""
    return {_service(one): one.get("weight", 100) for route in _routes(found, name) for one in route["route"]}


def mirror(found: Object, name: str = "http") -> dict[str, int]:
    """Return the percentage of requests that are copied, by the revision's Service."""
    return {
        _service({"destination": route["mirror"]}): route["mirrorPercentage"]["value"]
        for route in _routes(found, name)
        if "mirror" in route
    }


def names(found: Object) -> list[str]:
    """Return the routes' names in the order in which they are tried."""
    return [route["name"] for route in found["spec"]["http"]]


def matches(found: Object, name: str) -> Any:
    """Return what a route matches."""
    [route] = _routes(found, name)
    return route["match"]


def _routes(found: Object, name: str) -> list[Object]:
    return [route for route in found["spec"]["http"] if route.get("name") == name]


def _service(target: Object) -> str:
    host: str = target["destination"]["host"]
    return host.partition(".")[0]
