from nereid.controller.shell.cluster.gateways import Gateways


def gateway(name="public", version=1, servers=(), uid="g"):
    metadata = {"namespace": "istio-ingress", "name": name, "uid": uid, "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": {"servers": list(servers)}}


PLAIN = {"port": {"number": 80, "protocol": "HTTP"}, "hosts": ["*"]}
TLS = {"port": {"number": 443, "protocol": "HTTPS"}, "hosts": ["*/*.example.com"], "tls": {"mode": "SIMPLE"}}


def store():
    changed: list[str] = []
    return Gateways(changed.append), changed


def test_a_gateway_is_known_by_namespace_and_name():
    gateways, _ = store()
    gateways.observe("Gateway", gateway())
    assert gateways.get("istio-ingress/public") is not None
    assert gateways.get("istio-ingress/publik") is None


def test_hosts_with_tls_are_told_from_those_without():
    gateways, _ = store()
    gateways.observe("Gateway", gateway(servers=[PLAIN, TLS]))
    facts = gateways.get("istio-ingress/public")
    assert facts.serves_with_tls("digits.example.com")
    assert not facts.serves_with_tls("digits.example.org")


def test_only_what_matters_is_told():
    gateways, changed = store()
    gateways.observe("Gateway", gateway(version=1))
    gateways.observe("Gateway", gateway(version=2))
    assert changed == ["istio-ingress/public"]
    gateways.observe("Gateway", gateway(version=3, servers=[TLS]))
    gateways.remove("Gateway", gateway(version=4))
    assert len(changed) == 3


def test_what_a_complete_list_does_not_hold_is_gone():
    gateways, changed = store()
    gateways.observe("Gateway", gateway("old", version=1, uid="1"))
    gateways.observe("Gateway", gateway("new", version=9, uid="2"))
    gateways.retain("Gateway", None, set(), resource_version=5)
    assert gateways.get("istio-ingress/old") is None
    assert gateways.get("istio-ingress/new") is not None
    assert changed[-1] == "istio-ingress/old"
