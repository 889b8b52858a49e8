import pytest

from nereid.controller.observed.host_routes import above
from nereid.controller.shell.cluster.model_deployments import ModelDeployments


def model(name, *, hosts=(), previews=(), gateways=("mesh/public",), created="2026-11-20T12:00:00Z", version=1):
    metadata = {
        "namespace": "models",
        "name": name,
        "uid": name,
        "generation": 1,
        "resourceVersion": str(version),
        "creationTimestamp": created,
    }
    traffic = {"hosts": list(hosts), "gateways": list(gateways)} if hosts else {}
    rollout = {"blueGreen": {"previewHosts": list(previews)}} if previews else {}
    return {"metadata": metadata, "spec": {"traffic": traffic, "rollout": rollout}}


def rivals(store, name):
    return [rival.name for rival in store.rivals(("models", name))]


def test_those_that_share_a_host_on_a_gateway_are_rivals():
    store = ModelDeployments()
    store.put(model("a", hosts=["x.example.com"]))
    store.put(model("b", hosts=["x.example.com", "y.example.com"]))
    store.put(model("c", hosts=["x.example.com"], gateways=["mesh/private"]))
    store.put(model("d", hosts=["z.example.com"]))
    assert rivals(store, "a") == ["b"]
    assert rivals(store, "c") == rivals(store, "d") == rivals(store, "unknown") == []


def test_hosts_of_previews_count_like_others():
    store = ModelDeployments()
    store.put(model("a", hosts=["a.example.com"], previews=["next.example.com"]))
    store.put(model("b", hosts=["next.example.com"]))
    store.put(model("c", hosts=["c.example.com"], previews=["next.example.com"]))
    store.put(model("d", hosts=["d.example.com"], previews=["next.example.com"], gateways=["mesh/private"]))
    assert (rivals(store, "a"), rivals(store, "b"), rivals(store, "d")) == (["b", "c"], ["a", "c"], [])
    store.put(model("a", hosts=["a.example.com"], version=2))
    assert (rivals(store, "a"), rivals(store, "b")) == ([], ["c"])


def test_what_is_no_longer_asked_for_is_forgotten():
    store = ModelDeployments()
    store.put(model("a", hosts=["x.example.com"]))
    store.put(model("b", hosts=["x.example.com"]))
    store.put(model("b", hosts=["y.example.com"], version=2))
    assert rivals(store, "a") == []
    store.put(model("b", hosts=["x.example.com"], version=3))
    store.remove(model("b", hosts=["x.example.com"], version=4))
    assert rivals(store, "a") == []


def test_exactly_one_of_two_has_the_older_right():
    store = ModelDeployments()
    store.put(model("a", created="2026-11-20T12:00:01Z"))
    store.put(model("b", created="2026-11-20T12:00:00Z"))
    store.put(model("c", created="2026-11-20T12:00:00Z"))
    a, b, c = (store.get(("models", name)) for name in "abc")
    assert a
    assert b
    assert c
    assert b.is_before(a)
    assert not a.is_before(b)
    assert b.is_before(c) != c.is_before(b)


def test_a_gateway_leads_to_those_that_name_it():
    store = ModelDeployments()
    store.put(model("a", hosts=["x.example.com"]))
    assert list(store.naming_gateway("mesh/public")) == [("models", "a")]
    assert list(store.naming_gateway("mesh/private")) == []


HOSTS = (
    "example.com",
    "*.example.com",
    "a.example.com",
    "b.a.example.com",
    "a-example.com",
    "a/example.com",
    "aexample.com",
    "example.com.org",
    "org",
    "*.org",
    "x.org",
    "*",
)


@pytest.mark.parametrize(
    "names", [*((name,) for name in HOSTS), ("com", "org"), ("a.example.com", "*.com", "x.org"), ()]
)
def test_hosts_below_are_those_that_istio_would_match(names):
    store = ModelDeployments()
    for host in (*HOSTS, "gone.example.com"):
        store.put(model(host, hosts=[host]))
    store.remove(model("gone.example.com", version=2))
    expected = {host for host in HOSTS if not {host, *above(host)}.isdisjoint(names)}
    assert {name for _, name in store.naming_hosts_below(names)} == expected


def looked_at(models, names):
    """Return how many hosts are looked at to find those below some names."""
    store, count = ModelDeployments(), 0
    for number in range(models):
        hosts = [f"{number}x{host}.{'.'.join('a' * 110)}.com" for host in range(16)]
        store.put(model(f"m{number}", hosts=hosts))

    class Counted(str):
        __slots__ = ()

        def __lt__(self, other):
            nonlocal count
            count += 1
            return str.__lt__(self, other)

        def __getitem__(self, key):
            nonlocal count
            count += 1
            return str.__getitem__(self, key)

        def partition(self, sep):
            nonlocal count
            count += 1
            return str.partition(self, sep)

    store._backwards = [Counted(host) for host in store._backwards]
    store._by_host = {Counted(host): keys for host, keys in store._by_host.items()}
    store.naming_hosts_below(names)
    return count


def test_a_route_of_somebody_else_costs_no_walk_over_all_hosts():
    few, many = (looked_at(models, {"victim.example.com"}) for models in (20, 40))
    assert few < 40
    assert many <= few + 4


def test_names_that_lie_below_one_another_cost_no_more_than_the_uppermost():
    suffixes = {".".join(["a"] * length) + ".com" for length in range(111)}
    one, nested = (looked_at(20, names) for names in ({"com"}, suffixes | {"com"}))
    assert nested < 10 * one
