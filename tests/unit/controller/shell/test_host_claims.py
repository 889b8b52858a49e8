"""Who has a host is read from the routes that run, so that neither a restart nor a re-creation hands it to a thief."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest

from nereid.controller.observed.model_deployment import ModelDeployment
from nereid.controller.observed.situation import KeptHost, Rival
from nereid.controller.shell.cluster import host_routes
from nereid.controller.shell.cluster.gateways import Gateways
from nereid.controller.shell.cluster.host_routes import KEEP_SECONDS, HostRoutes
from nereid.controller.shell.cluster.model_deployments import ModelDeployments
from nereid.controller.shell.host_claims import HostClaimsReader

HOST, PUBLIC = "digits.victim.example.com", "istio-ingress/public"


class World:
    """The stores, as the watches fill them."""

    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[set[str]] = []
        self.told_below: list[bool] = []
        self.model_deployments = ModelDeployments()
        self.gateways = Gateways(lambda _: None)
        self.restart()
        self._version = 0

    def restart(self) -> None:
        self.routes = HostRoutes(
            self._tell,
            clock=lambda: self.now,
            has_seen_owner=self.model_deployments.has_seen,
        )
        self.others = HostRoutes(self._tell, clock=lambda: self.now)
        self.reader = HostClaimsReader(self.model_deployments, self.gateways, self.routes, self.others)

    def _tell(self, hosts: Collection[str], with_those_below: bool) -> None:  # noqa: FBT001
        self.told.append(set(hosts))
        self.told_below.append(with_those_below)

    def model(self, key: str, *, uid: str = "", age: int = 0, hosts: Iterable[str] = (HOST,), **more: Any) -> None:
        namespace, _, name = key.partition("/")
        metadata = {"namespace": namespace, "name": name, "uid": uid or key, "generation": 1}
        created = {"resourceVersion": self._next(), "creationTimestamp": f"2026-11-20T12:00:{59 - age:02}Z"}
        traffic = {"hosts": list(hosts), "gateways": [more.pop("gateway", PUBLIC)]}
        self.model_deployments.put({"metadata": {**metadata, **created}, "spec": {"traffic": traffic}, **more})

    def delete(self, key: str) -> None:
        found = self.model_deployments.get(self._key(key))
        assert found
        self.model_deployments.forget(found)

    def route(self, key: str, *, uid: str = "", hosts: Iterable[str] = (HOST,), gateway: str = PUBLIC) -> None:
        self.routes.observe("VirtualService", self._route(key, uid, hosts, gateway))

    def forged(self, key: str, references: list[Any]) -> Any:
        raw = self._route(key, "", (HOST,), PUBLIC)
        raw["metadata"]["ownerReferences"] = references
        self.routes.observe("VirtualService", raw)
        return raw

    def foreign(self, key: str, hosts: Iterable[str], gateway: str = PUBLIC) -> None:
        raw = self._route(key, "", hosts, gateway)
        del raw["metadata"]["labels"]
        self.others.observe("VirtualService", raw)

    def lose_route(self, key: str, uid: str = "") -> None:
        self.routes.remove("VirtualService", self._route(key, uid, (HOST,), PUBLIC))

    def subject(self, key: str) -> ModelDeployment:
        found = self.model_deployments.get(self._key(key))
        assert found
        return found

    def kept(self, key: str) -> Any:
        return self.reader.claims(self.subject(key)).kept

    def rivals(self, key: str) -> tuple[Rival, ...]:
        return self.reader.rivals(self.subject(key))

    def _route(self, key: str, uid: str, hosts: Iterable[str], gateway: str) -> dict[str, Any]:
        namespace, name = self._key(key)
        metadata = {
            "namespace": namespace,
            "name": f"{name}.gateways",
            "uid": f"route of {uid or key}",
            "resourceVersion": self._next(),
            "labels": {"nereid.dev/model-deployment": name},
            "ownerReferences": [
                {
                    "apiVersion": "nereid.dev/v1alpha1",
                    "kind": "ModelDeployment",
                    "name": name,
                    "uid": uid or key,
                    "controller": True,
                }
            ],
        }
        return {"metadata": metadata, "spec": {"hosts": list(hosts), "gateways": [gateway]}}

    def _next(self) -> str:
        self._version += 1
        return str(self._version)

    @staticmethod
    def _key(key: str) -> tuple[str, str]:
        namespace, _, name = key.partition("/")
        return namespace, name


@pytest.fixture
def world() -> World:
    made = World()
    made.model("thief/wait", age=30)
    made.model("victim/own", age=10)
    made.route("victim/own")
    return made


def test_the_one_that_has_a_route_is_told_from_the_one_that_waits(world: World) -> None:
    assert world.reader.claims(world.subject("victim/own")).own == {(HOST, PUBLIC)}
    assert world.rivals("thief/wait") == (
        Rival("victim/own", frozenset({HOST}), is_older=False, serves=frozenset({HOST})),
    )


def test_a_host_is_kept_while_its_owner_is_made_again(world: World) -> None:
    world.delete("victim/own")
    world.lose_route("victim/own")
    assert world.told[-1] == {HOST}
    assert world.kept("thief/wait") == {HOST: KeptHost("victim", KEEP_SECONDS)}
    world.now += KEEP_SECONDS - 10
    world.model("victim/own", uid="again", age=0)
    # Its pods take long: the host is kept anew for as long as it is there.
    world.kept("thief/wait")
    world.now += KEEP_SECONDS - 10
    assert HOST in world.kept("thief/wait")
    world.route("victim/own", uid="again")
    assert world.kept("thief/wait") == {}
    assert world.rivals("thief/wait")[0].serves == {HOST}


def test_a_host_is_free_when_nobody_came_back(world: World) -> None:
    world.delete("victim/own")
    world.lose_route("victim/own")
    world.now += KEEP_SECONDS
    assert (world.kept("thief/wait"), world.rivals("thief/wait")) == ({}, ())


def test_the_route_may_be_seen_to_go_before_its_owner(world: World) -> None:
    world.lose_route("victim/own")
    assert HOST in world.kept("thief/wait")
    world.delete("victim/own")
    world.now += 60
    assert HOST in world.kept("thief/wait")


def test_a_host_that_its_owner_gave_up_is_not_kept(world: World) -> None:
    world.model("victim/own", age=10, hosts=("other.example.com",))
    world.lose_route("victim/own")
    world.now += 6
    assert world.kept("thief/wait") == {}


def test_after_a_restart_a_route_speaks_for_its_owner_that_is_not_known_yet(world: World) -> None:
    world.delete("victim/own")
    assert world.rivals("thief/wait") == (
        Rival("victim/own", frozenset({HOST}), is_older=False, serves=frozenset({HOST})),
    )


@pytest.mark.parametrize(
    "references",
    [
        [],
        [{"apiVersion": "v1", "kind": "ConfigMap", "name": "ghost", "uid": "ghost", "controller": True}],
        [
            {
                "apiVersion": "nereid.dev/v1alpha1",
                "kind": "ModelDeployment",
                "name": "other",
                "uid": "g",
                "controller": True,
            }
        ],
        [{"apiVersion": "nereid.dev/v1alpha1", "kind": "ModelDeployment", "name": "ghost", "uid": "g"}],
    ],
)
def test_labels_alone_make_no_route_of_a_model_deployment(world: World, references: list[Any]) -> None:
    forged = world.forged("tenant/ghost", references)
    assert world.rivals("victim/own") == (Rival("thief/wait", frozenset({HOST}), is_older=True),)
    assert world.reader.claims(world.subject("thief/wait")).taken == {HOST}
    world.lose_route("victim/own")
    world.routes.remove("VirtualService", forged)
    assert world.kept("thief/wait") == {HOST: KeptHost("victim", KEEP_SECONDS)}


def test_an_owner_that_never_was_takes_nothing_from_one_that_serves(world: World) -> None:
    world.routes.retain("VirtualService", None, {"route of victim/own"}, 0)
    world.route("tenant/ghost")
    ghost = Rival("tenant/ghost", frozenset({HOST}), is_older=False, serves=frozenset({HOST}))
    assert ghost in world.rivals("victim/own")
    assert ghost in world.rivals("thief/wait")
    world.lose_route("tenant/ghost")
    assert world.kept("victim/own") == {}
    world.delete("victim/own")
    world.lose_route("victim/own")
    world.route("tenant/ghost")
    world.lose_route("tenant/ghost")
    assert world.kept("thief/wait") == {HOST: KeptHost("victim", KEEP_SECONDS)}


def test_a_route_of_before_the_start_is_believed_though_its_owner_is_gone(world: World) -> None:
    world.restart()
    world.route("gone/own")
    world.routes.retain("VirtualService", None, {"route of gone/own"}, 0)
    world.lose_route("gone/own")
    assert world.kept("thief/wait") == {HOST: KeptHost("gone", KEEP_SECONDS)}


def test_one_that_is_made_again_beside_its_orphaned_route_has_its_host(world: World) -> None:
    world.forged("victim/own", [])
    assert world.reader.claims(world.subject("victim/own")).own == {(HOST, PUBLIC)}
    assert world.reader.claims(world.subject("thief/wait")).taken == {HOST}


def test_at_the_start_two_that_serve_one_host_keep_it_until_both_are_known() -> None:
    world = World()
    world.route("victim/own")
    world.route("victim/sibling")
    for name in ("victim/own", "victim/sibling"):
        world.model(name)
        assert not any(one.is_older for one in world.rivals(name))
        world.delete(name)
    world.model("victim/own", age=10)
    world.model("victim/sibling", age=5)
    assert not world.rivals("victim/own")[0].is_older
    assert world.rivals("victim/sibling")[0].is_older


def test_after_a_restart_the_one_that_was_refused_does_not_get_it_at_once(world: World) -> None:
    world.delete("victim/own")
    world.model("thief/wait", age=30, status={"problems": [{"concern": "Routes", "reason": "HostConflict"}]})
    world.now += 100
    world.restart()
    assert world.kept("thief/wait") == {HOST: KeptHost(None, KEEP_SECONDS)}
    world.model("victim/own", uid="again", age=0)
    assert world.kept("victim/own") == {}
    assert not world.rivals("victim/own")[0].is_older
    assert world.rivals("thief/wait")[0].is_older
    world.delete("victim/own")
    world.now += KEEP_SECONDS
    assert world.kept("thief/wait") == {}


def test_two_names_of_one_door_hide_no_rival(world: World) -> None:
    for name, port in (("public", 80), ("same", 80), ("other", 8080)):
        metadata = {"namespace": "istio-ingress", "name": name, "uid": name, "resourceVersion": "1"}
        server = {"port": {"number": port}, "hosts": ["*"]}
        spec = {"selector": {"istio": "ingressgateway"}, "servers": [server]}
        world.gateways.observe("Gateway", {"metadata": metadata, "spec": spec})
    world.model("side/door", gateway="istio-ingress/same")
    assert {one.name for one in world.rivals("side/door")} == {"thief/wait", "victim/own"}
    world.model("far/door", gateway="istio-ingress/other")
    assert world.rivals("far/door") == ()


@pytest.mark.parametrize(
    ("hosts", "gateway", "found"),
    [
        ((HOST,), PUBLIC, "taken"),
        (("*.victim.example.com",), PUBLIC, "below"),
        (("*.example.com",), PUBLIC, "below"),
        (("victim.example.com",), PUBLIC, "below"),
        (("*",), PUBLIC, "below"),
        (("x.digits.victim.example.com", "*.digits.victim.example.com", "example.org"), PUBLIC, ""),
        (("*.example.com",), "istio-ingress/other", ""),
    ],
)
def test_virtual_services_of_others_are_seen(world: World, hosts: tuple[str, ...], gateway: str, found: str) -> None:
    world.foreign("apps/shop", hosts, gateway)
    claims = world.reader.claims(world.subject("thief/wait"))
    assert {"taken": bool(claims.taken), "below": bool(claims.below)} == {
        "taken": found == "taken",
        "below": found == "below",
    }


def test_virtual_services_of_its_own_namespace_and_of_the_mesh_do_not_count(world: World) -> None:
    world.foreign("thief/shop", ["*.example.com"])
    world.foreign("apps/mesh", ["*.example.com"], "mesh")
    claims = world.reader.claims(world.subject("thief/wait"))
    assert not claims.taken | claims.below


def test_what_a_complete_list_does_not_hold_is_gone(world: World) -> None:
    world.routes.retain("VirtualService", "elsewhere", set(), 99)
    assert world.routes.of(HOST)
    world.routes.retain("VirtualService", None, set(), 99)
    assert world.routes.of(HOST) == []


def test_only_those_that_a_host_is_about_are_looked_at_again(world: World) -> None:
    world.model("far/away", hosts=("far.example.org",))
    below = world.model_deployments.naming_hosts_below({"*.example.com"})
    assert set(below) == {("thief", "wait"), ("victim", "own")}


def test_only_routes_of_others_are_about_those_below(world: World) -> None:
    world.foreign("apps/shop", ["*.example.com"])
    world.forged("tenant/ghost", [])
    world.route("victim/own", hosts=["example.com"])
    assert world.told_below == [False, True, True, False]
    world.forged("victim/own", [])
    assert world.told_below[-1]


def test_a_virtual_service_has_no_more_hosts_and_gateways_than_are_kept(world: World) -> None:
    world.foreign("apps/shop", [f"x{number}.example.com" for number in range(5000)])
    assert len(world.others.of("x999.example.com")) == 1
    assert world.others.of("x1000.example.com") == []


def times_looked_at(routes_that_go: int) -> int:
    """Return how often it is looked at until when a host is kept, while many routes go one after another."""
    world, count = World(), 0
    names = [f"victim/m{number}" for number in range(routes_that_go)]

    class Time(float):
        __slots__ = ()

        def __add__(self, other: float) -> "Time":
            return Time(float(self) + other)

        def __le__(self, other: float) -> bool:
            nonlocal count
            count += 1
            return float(self) <= float(other)

        def __gt__(self, other: float) -> bool:
            nonlocal count
            count += 1
            return float(self) > float(other)

    for name in names:
        world.route(name, hosts=[f"{name[7:]}.example.com"])
    world.now = Time(1.0)
    for name in names:
        world.lose_route(name)
    return count


def test_each_route_that_goes_costs_the_same() -> None:
    few, many = times_looked_at(50), times_looked_at(100)
    assert many <= 2 * few + 2
    assert few


def test_what_is_kept_is_forgotten_in_time_and_in_the_order_in_which_it_gets_free(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_routes, "_MOST_REMEMBERED", 2)
    for name in ("own", "second", "third"):
        key, host = f"victim/{name}", f"{name}.example.com"
        world.route(key, hosts=[host])
        world.lose_route(key)
        world.routes.keep("own.example.com")
    kept = [name for name in ("own", "second", "third") if world.routes.left(f"{name}.example.com", lambda _: None)]
    assert kept == ["own", "third"]
