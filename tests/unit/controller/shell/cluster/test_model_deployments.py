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
