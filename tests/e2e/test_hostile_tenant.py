"""Hostile input beside somebody else's rollout: it harms nobody, and whoever sent it is told what is wrong with it.

Each case has a namespace of its own, that of the attacker. The victim's clients send requests all the time, its
candidate is judged, its spec changes every few seconds; see `unharmed` for what must not happen to it, to the operator,
and to the activator. Who may do what, and which test holds each line of that, is in docs/security.md.
"""

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from digits.cluster import Cluster, CommandError, Manifest, wait_for
from digits.model_deployment import ModelDeployment
from digits.train import Digits
from digits.volume import upload
from tests.support.e2e.access import trust
from tests.support.e2e.alerts import Alerts
from tests.support.e2e.case import Case, own_namespace
from tests.support.e2e.hostile.attacker import CLOSED, REST, WAITS, Attacker
from tests.support.e2e.hostile.bombs import bomb
from tests.support.e2e.hostile.messages import send_message
from tests.support.e2e.hostile.pods import attackers_pod, pod_of_program, program, running
from tests.support.e2e.hostile.victim import Victim, unharmed
from tests.support.e2e.interfaces import fetched
from tests.support.e2e.model_server import ModelServer
from tests.support.e2e.promql import ask
from tests.support.e2e.quotas import no_new_pods
from tests.support.e2e.scaling import PATIENCE, may_sleep, wait_until_asleep
from tests.support.e2e.sources import Sources

GATEWAY: Final = "istio-ingress/nereid"
# Reasons, in one place.
HOST_CONFLICT: Final = "HostConflict"
HOST_NOT_ALLOWED: Final = "HostNotAllowed"
POLICY_VIOLATION: Final = "PolicyViolation"
INVALID_SPEC: Final = "InvalidSpec"
# All proxies refuse their routes by it: a program of 41,004 instructions, of which 32,768 are allowed.
REGEX_TOO_LARGE: Final = r"(?:\pL{1000}|\pN{1000}|\pS{1000}|\pP{1000})"
# The same by counts that are small; the API server cannot multiply them.
REGEX_OF_SMALL_COUNTS: Final = "((.{9}){9}){9}"
FAT_OBJECTS: Final = 8
MESSAGE_MEBIBYTES: Final = 350
HELD_REQUESTS: Final = 1500
FORGED_REQUESTS: Final = 1500
AWAY_SECONDS: Final = 20
# For so long after an upgrade from a release without proofs, the activator takes requests that have none.
UNPROVEN_SECONDS: Final = 600
PASSED_LOOKS: Final = 3


@dataclass(frozen=True, slots=True)
class Attack:
    """What an attacker has in hands: a namespace, and somebody to harm."""

    case: Case
    victim: Victim
    sources: Sources

    @property
    def cluster(self) -> Cluster:
        """The cluster."""
        return self.case.cluster

    def from_pod(self, name: str = "inside", *, in_mesh: bool = True) -> Attacker:
        """Run a pod in the attacker's namespace, and return what can be done from there."""
        return attackers_pod(self.case, name, in_mesh=in_mesh)


def told(served: ModelDeployment, reason: str, *words: str, seconds: float = 120) -> str:
    """Wait until a ModelDeployment is not Ready for this reason; its message has these words. Return the message."""
    message = str(served.wait_for_condition("Ready", "False", reason, seconds)["message"])
    assert [word for word in words if word not in message] == [], message
    return message


# What is written, and read by the operator.


def log_line(attack: Attack) -> None:
    """A line of 20,000 blanks in the log of what runs in place of Triton."""
    served = attack.case.apply(runtime=running(attack.case, "log_line"))
    told(served, "ModelLoadFailed", "no weights")


def log_line_of_a_model(attack: Attack) -> None:
    """The same by a model for the stock image, as anybody might publish it."""
    case = attack.case
    upload(case.cluster, case.namespace, "models", {"evil/model.py": program("log_line_model").encode()})
    tensors = {
        key: [{"name": name, "dataType": "TYPE_FP32", "dims": [-1]}] for key, name in (("input", "x"), ("output", "y"))
    }
    served = case.apply(
        model={"uri": "pvc://models/evil", "format": "python", "config": {"maxBatchSize": 8, **tensors}}
    )
    told(served, "ModelLoadFailed", "no weights")


def metrics_page(attack: Attack) -> None:
    """A page of metrics of 15 MB, by which a candidate is to be judged."""
    rollout = {"steps": [{"weight": 10, "hold": "10s"}], "analysis": {"provider": "Triton", "interval": "5s"}}
    runtime = running(attack.case, "metrics_page")
    served = attack.case.apply(rollout=rollout, runtime=runtime)
    served.wait_until_ready()
    attack.case.apply(version="2", rollout=rollout, runtime=runtime)
    served.wait_for(
        "it waits for metrics", lambda status: status.get("rollout", {}).get("reason") == "MetricsUnavailable"
    )
    message = served.wait_for_condition("Progressing", "True", "Paused")["message"]
    assert "metrics page of pod digits-" in message
    assert "too large" in message


def fat_objects(attack: Attack) -> None:
    """Eight objects of 1.3 MiB, almost as large as etcd takes them."""
    case = attack.case
    model = {"uri": "pvc://a/b", "config": {"parameters": [{}] * 440_000}}
    objects = {
        name: {
            "apiVersion": "nereid.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name},
            "spec": {"model": model},
        }
        for name in (f"fat-{number}" for number in range(FAT_OBJECTS))
    }
    try:
        for manifest in objects.values():
            # `kubectl apply` would note the whole object down in an annotation, for which it is too large.
            text = json.dumps(manifest, separators=(",", ":"))
            case.cluster.kubectl("create", "--filename=-", stdin=text, namespace=case.namespace)
        for name in objects:
            told(ModelDeployment(case.cluster, case.namespace, name), INVALID_SPEC, "spec.model.config", "KiB")
    finally:
        # Whoever describes the namespace would show millions of lines.
        case.cluster.kubectl("delete", "mdep", "--all", namespace=case.namespace)


# Routes.


def regex_that_proxies_refuse(attack: Attack) -> None:
    """An A/B test by a header whose regular expression no proxy takes; with it, they would take no route at all."""
    with pytest.raises(CommandError, match="proxies refuse all routes"):
        attack.case.apply(rollout=ab_test(REGEX_TOO_LARGE))
    served = attack.case.apply("multiplied", rollout=ab_test(REGEX_OF_SMALL_COUNTS))
    told(served, INVALID_SPEC, "spec.rollout.abTest", "header x-group")
    assert_a_new_host_arrives(attack.victim.case)


def ab_test(regex: str) -> Manifest:
    return {"strategy": "ABTest", "abTest": {"headers": [{"name": "x-group", "regex": regex}]}}


def assert_a_new_host_arrives(case: Case) -> None:
    """Serve another model: proxies that have refused a route get none of the later ones."""
    later = case.apply("later")
    later.wait_until_ready()
    with case.traffic("later") as client:
        wait_for("the new host is served", lambda: client.burst(4).by_version() == {"1": 4}, seconds=30)
    case.cluster.kubectl("delete", "mdep", "later", namespace=case.namespace)


def hosts_of_others(attack: Attack) -> None:
    """Hosts that another namespace serves: one below its wildcard, and one of which it serves a path."""
    owner, domain = attack.victim.case, f"corp.{attack.victim.case.namespace}.example.com"
    login, portal = f"login.{domain}", f"portal.{domain}"
    attack.cluster.apply(*company_routes(domain), namespace=owner.namespace)
    expected = {login: (200, "COMPANY"), portal: (404, "")}
    wait_for("the company's hosts are served", lambda: at_gateway(attack.cluster, expected) == expected, seconds=30)
    for name, host, reason in (("below", login, HOST_NOT_ALLOWED), ("beside", portal, HOST_CONFLICT)):
        traffic = {"hosts": [host], "gateways": [GATEWAY]}
        told(attack.case.apply(name, traffic=traffic, runtime=running(attack.case, "echo", "THIEF")), reason, host)
    for _ in range(20):
        assert at_gateway(attack.cluster, expected) == expected
    routes = [route["metadata"]["name"] for route in attack.cluster.list("VirtualService", attack.case.namespace)]
    assert [name for name in routes if name.endswith(".gateways")] == []


def company_routes(domain: str) -> list[Manifest]:
    """Return VirtualServices that are not Nereid's: all hosts of a domain, and one path of another host in it."""
    answer = {"directResponse": {"status": 200, "body": {"string": "COMPANY"}}}
    routes = {
        "wild": (f"*.{domain}", answer),
        "portal": (f"portal.{domain}", {"match": [{"uri": {"prefix": "/app"}}], **answer}),
    }
    return [
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": name},
            "spec": {"hosts": [host], "gateways": [GATEWAY], "http": [route]},
        }
        for name, (host, route) in routes.items()
    ]


def at_gateway(cluster: Cluster, hosts: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Return what each host answers at the gateway."""
    return {host: fetched(cluster.gateway, host, "/admin") for host in hosts}


def host_of_an_owner_that_is_made_anew(attack: Attack) -> None:
    """A host whose owner is deleted and made again, as deployment tools do, while somebody waits for that moment."""
    case = attack.victim.case
    case.apply("owner").wait_until_ready()
    traffic = {"hosts": [case.host("owner")], "gateways": [GATEWAY]}
    thief = attack.case.apply("owner", version="2", traffic=traffic)
    told(thief, HOST_CONFLICT, case.host("owner"))
    case.cluster.kubectl("delete", "mdep", "owner", namespace=case.namespace)
    case.apply("owner").wait_until_ready()
    told(thief, HOST_CONFLICT, case.host("owner"))
    with case.traffic("owner") as client:
        wait_for("its owner has the host", lambda: client.burst(4).by_version() == {"1": 4}, seconds=30)
        assert client.burst(40).by_version() == {"1": 40}
    case.cluster.kubectl("delete", "mdep", "owner", namespace=case.namespace)


def name_of_somebody_elses_service(attack: Attack) -> None:
    """A ModelDeployment that is called as an application's Service."""
    case = attack.case
    pod_of_program(case, "company", "echo", "COMPANY", in_mesh=True)
    ports = [{"name": "http", "port": 80, "targetPort": 8000}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "payments"}}
    case.cluster.apply({**service, "spec": {"selector": {"app": "company"}, "ports": ports}}, namespace=case.namespace)
    inside, url = attack.from_pod(), f"http://payments.{case.namespace}/charge"
    wait_for("the application answers", lambda: inside.ask(url) == (200, "COMPANY"), seconds=30)
    served = case.apply("payments", runtime=running(case, "echo", "THIEF"))
    told(served, "NameConflict", "Service payments exists already")
    assert [inside.ask(url) for _ in range(10)] == [(200, "COMPANY")] * 10
    assert case.cluster.get("VirtualService", "payments", case.namespace) is None


# The activator.


def model_of_others_through_the_activator(attack: Attack) -> None:
    """Requests that the activator is to pass on to a model whose owner lets in nobody but it and the gateway."""
    target = f"{attack.victim.service_of('stable')}.{attack.victim.case.namespace}.svc.cluster.local"
    inside, outside = attack.from_pod(), attack.from_pod("outside", in_mesh=False)
    wait_until_proofs_are_needed(attack.cluster)
    with only_gateway_and_activator(attack.victim.case):
        wait_for("its owner lets nobody in", lambda: inside.ask(f"http://{target}:8000/v2")[0] == 403, seconds=30)
        assert outside.register(target) == "PERMISSION_DENIED"
        url = f"http://{REST}/v2"
        status, sentence = inside.ask(url, x_nereid_target=target)
        assert (status, "x-nereid-proof" in sentence or "RBAC" in sentence) == (403, True), sentence
        assert inside.ask(url, x_nereid_target=target, x_nereid_proof="0" * 64)[0] == 403
        assert inside.send_message(target, 1) == "PERMISSION_DENIED"


def wait_until_proofs_are_needed(cluster: Cluster) -> None:
    """Wait until the activator takes no request any more that a route of an older release may have sent."""
    operator = cluster.operator["metadata"]
    arguments = ("get", "secret", f"{operator['name']}-activator-proof", "--ignore-not-found")
    field = "--output=jsonpath={.data.accept-unproven-until}"
    if found := cluster.kubectl(*arguments, field, namespace=operator["namespace"]):
        until = datetime.fromisoformat(base64.b64decode(found).decode())
        wait_for("proofs are needed", lambda: datetime.now(UTC) > until, seconds=UNPROVEN_SECONDS)


@contextmanager
def only_gateway_and_activator(case: Case) -> Iterator[None]:
    """Let nobody else into a namespace's pods but the namespace itself; docs/security.md shows this policy."""
    operator = case.cluster.operator["metadata"]
    accounts = ("istio-ingress/sa/istio-ingressgateway", f"{operator['namespace']}/sa/{operator['name']}-activator")
    principals = [f"cluster.local/ns/{account}" for account in accounts]
    policy = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "only-gateway-and-activator"},
        "spec": {
            "action": "ALLOW",
            "rules": [{"from": [{"source": {"principals": principals}}, {"source": {"namespaces": [case.namespace]}}]}],
        },
    }
    case.cluster.apply(policy, namespace=case.namespace)
    try:
        yield
    finally:
        name = str(policy["metadata"]["name"])  # type: ignore[index]
        case.cluster.kubectl("delete", "authorizationpolicies.security.istio.io", name, namespace=case.namespace)


def message_of_350_mebibytes(attack: Attack) -> None:
    """A gRPC message to a sleeping model, from outside and past the route, while somebody else's model is woken."""
    target = f"{attack.victim.service_of('stable')}.{attack.victim.case.namespace}.svc.cluster.local"
    sleeper = asleep(attack.victim.case, "sleeper")
    asleep(attack.case, "digits")
    inside = attack.from_pod()
    wait_until_proofs_are_needed(attack.cluster)
    with ThreadPoolExecutor(2) as pool, attack.victim.case.traffic("sleeper", patience=PATIENCE) as client:
        outcomes = [
            pool.submit(send_message, attack.case.endpoint(), MESSAGE_MEBIBYTES, PATIENCE),
            pool.submit(inside.send_message, target, MESSAGE_MEBIBYTES),
        ]
        total = client.burst(20)
        by_the_route, past_it = (outcome.result() for outcome in outcomes)
    assert total.failed == 0, total.failures()
    assert by_the_route == "RESOURCE_EXHAUSTED"
    assert past_it in {"PERMISSION_DENIED", "RESOURCE_EXHAUSTED"}
    forget(sleeper)


def requests_for_models_that_do_not_exist(attack: Attack) -> None:
    """1,500 requests with 50 KB of headers that are to wait a year for models of 50 namespaces."""
    inside = attack.from_pod()
    wait_until_proofs_are_needed(attack.cluster)
    answers, sentences = inside.hold(REST, HELD_REQUESTS, 15, namespaces=50, header_bytes=50_000)
    assert answers.total() == HELD_REQUESTS
    # 400 is aiohttp's answer to a header that is too long, 431 Envoy's.
    assert set(answers) <= {"400", "403", "413", "431", "503", CLOSED}, answers
    assert sentences
    wait_for("none of them waits", lambda: waiting(attack, "n[0-9]+") == 0, seconds=AWAY_SECONDS)


def requests_that_are_held(attack: Attack) -> None:
    """1,500 requests to a model of the attacker's own that sleeps and cannot be woken, and that then all go away."""
    sleeper = asleep(attack.victim.case, "sleeper")
    asleep(attack.case, "digits")
    inside, namespace = attack.from_pod(), attack.case.namespace
    with no_new_pods(attack.case), ThreadPoolExecutor(1) as pool:
        held = pool.submit(inside.hold, f"digits.{namespace}.svc.cluster.local:8000", HELD_REQUESTS, 45)
        wait_for("many wait", lambda: waiting(attack, namespace) >= 100, seconds=60)
        with attack.victim.case.traffic("sleeper", patience=PATIENCE) as client:
            total = client.burst(20)
        answers, sentences = held.result()
        wait_for("none of them waits", lambda: waiting(attack, namespace) == 0, seconds=AWAY_SECONDS)
    assert total.failed == 0, total.failures()
    assert answers.total() == HELD_REQUESTS
    assert answers[WAITS]
    assert set(answers) <= {WAITS, "503"}, answers
    assert any("try again later" in sentence for sentence in sentences), sentences
    forget(sleeper)


def asleep(case: Case, name: str) -> ModelDeployment:
    """Return a model that sleeps."""
    served = case.apply(name, scaling=may_sleep())
    served.wait_until_ready()
    wait_until_asleep(served)
    return served


def forget(served: ModelDeployment) -> None:
    served.cluster.kubectl("delete", "mdep", served.name, namespace=served.namespace)


def waiting(attack: Attack, namespaces: str) -> float:
    """Return how many requests wait for models of namespaces, as the activator tells."""
    return ask(attack.cluster, f'sum(nereid_activator_waiting_requests{{target_namespace=~"{namespaces}"}})')


# Evidence.


def counters_that_never_were(attack: Attack) -> None:
    """Counters of 50 failures a second of the victim's candidate, by a pod that is scraped as proxies are."""
    case, victim = attack.case, attack.victim
    lie = (victim.service_of("candidate"), victim.case.namespace)
    ports = [{"name": "http-envoy-prom", "containerPort": 9999}]
    metadata = {"labels": {"sidecar.istio.io/inject": "false"}, "annotations": {"prometheus.io/port": "9999"}}
    liar = case.apply("liar", runtime=running(case, "forged_counters", *lie, metadata=metadata, ports=ports))
    told(liar, POLICY_VIOLATION, "sidecar.istio.io/inject")

    # Whoever may make pods needs no ModelDeployment for it.
    pod_of_program(case, "liar", "forged_counters", *lie, ports=ports)
    forged = f'sum(istio_requests_total{{destination_service_name="{lie[0]}",namespace="{case.namespace}"}})'
    wait_for(
        "the counters are believed by Prometheus", lambda: ask(case.cluster, forged) > FORGED_REQUESTS, seconds=120
    )
    victim.wait_for_looks(PASSED_LOOKS)
    assert Alerts.about(victim.served).firing() == []


def requests_past_the_route(attack: Attack) -> None:
    """Requests without sense, straight to the candidate's own Service."""
    victim = attack.victim
    url = f"http://{victim.service_of('candidate')}.{victim.case.namespace}:8000/v2/models/digits/infer"
    inside = attack.from_pod()
    with ThreadPoolExecutor(1) as pool:
        hammered = pool.submit(inside.hammer, url, 20, 60)
        found = victim.served.wait_for_condition("RequestsLeftOut", "True", "NotByTheRoute")
        statuses = hammered.result()
    assert attack.case.namespace in found["message"]
    assert set(statuses) <= {"400", "500"}, statuses
    victim.wait_for_looks(PASSED_LOOKS)


# Pods.


def pods_beyond_the_policy(attack: Attack) -> None:
    """Pods that would be more than their author may make."""
    for name, (template, word) in BEYOND_POLICY.items():
        served = attack.case.apply(name, runtime={"podTemplate": template})
        told(served, POLICY_VIOLATION, word, "Helm value models.")
    made = [kind for kind in ("Deployment", "Pod") if attack.cluster.list(kind, attack.case.namespace)]
    assert made == []


def _of_triton(**fields: Any) -> Manifest:
    return {"spec": {"containers": [{"name": "triton", **fields}]}}


BEYOND_POLICY: Final[dict[str, tuple[Manifest, str]]] = {
    "host-path": ({"spec": {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}}, "hostPath"),
    "privileged": (_of_triton(securityContext={"privileged": True}), "privileged"),
    "host-network": ({"spec": {"hostNetwork": True}}, "hostNetwork"),
    "host-port": (_of_triton(ports=[{"containerPort": 8000, "hostPort": 8000}]), "hostPort"),
    "root": (_of_triton(securityContext={"runAsUser": 0, "runAsNonRoot": False}), "runAsNonRoot"),
    "token": ({"spec": {"automountServiceAccountToken": True}}, "automountServiceAccountToken"),
    "bootstrap": ({"metadata": {"annotations": {"sidecar.istio.io/bootstrapOverride": "evil"}}}, "bootstrapOverride"),
}


def identity_of_the_operator(attack: Attack) -> None:
    """What a stolen token of the operator could make: no object but those that it makes for ModelDeployments."""
    victim, cluster = attack.victim, attack.cluster
    real = cluster.get("Deployment", victim.service_of("stable"), victim.case.namespace) or {}
    made = {key: real["metadata"][key] for key in ("labels", "ownerReferences")}
    as_operator = Impersonated(cluster, real["spec"])
    as_operator.create(victim.case.namespace, made)
    system = cluster.operator["metadata"]["namespace"]
    for namespace in ("kube-system", "istio-system", system):
        with pytest.raises(CommandError, match="ValidatingAdmissionPolicy"):
            as_operator.create(namespace, made)
    for missing in made:
        with pytest.raises(CommandError, match="ValidatingAdmissionPolicy"):
            as_operator.create(victim.case.namespace, {key: value for key, value in made.items() if key != missing})
    with pytest.raises(CommandError, match="ValidatingAdmissionPolicy"):
        Impersonated(cluster, on_the_host(real["spec"])).create(victim.case.namespace, made)
    with pytest.raises(CommandError, match="forbidden"):
        cluster.kubectl("get", "secrets", as_operator.flag, namespace=victim.case.namespace)


def on_the_host(spec: Manifest) -> Manifest:
    """Return the spec of a Deployment with the node's own network."""
    template = spec["template"]
    return {**spec, "template": {**template, "spec": {**template["spec"], "hostNetwork": True}}}


@dataclass(frozen=True, slots=True)
class Impersonated:
    """Who creates Deployments as the operator would, for the API server's answer alone: nothing is kept."""

    cluster: Cluster
    spec: Manifest

    @property
    def flag(self) -> str:
        """The flag by which kubectl asks as the operator."""
        operator = self.cluster.operator
        account = operator["spec"]["template"]["spec"]["serviceAccountName"]
        return f"--as=system:serviceaccount:{operator['metadata']['namespace']}:{account}"

    def create(self, namespace: str, metadata: Manifest) -> None:
        """Create a Deployment with these metadata; raises CommandError if that is not allowed."""
        copy = {"name": "digits-copy", **metadata}
        manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": copy, "spec": self.spec}
        arguments = ("create", "--dry-run=server", "--filename=-", self.flag)
        self.cluster.kubectl(*arguments, stdin=json.dumps(manifest), namespace=namespace)


# What is fetched.


def archive_beyond_all_ratios(attack: Attack) -> None:
    """2 MiB that unpack to 2 GiB."""
    told(fetched_archive(attack, bomb(2048)), "ModelTooLarge", "100 times")


def archive_beyond_its_bound(attack: Attack) -> None:
    """200 KiB that unpack to 200 MiB, where the spec allows 64."""
    told(fetched_archive(attack, bomb(200), maxSize="64Mi"), "ModelTooLarge", "64Mi", "spec.model.maxSize")


def fetched_archive(attack: Attack, content: bytes, **model: Any) -> ModelDeployment:
    web = attack.sources.web
    authority = trust(attack.case, web.authority.certificate)
    uri = attack.sources.on_web("model.tar.gz", content)
    return attack.case.apply(model={"uri": uri, "caBundle": authority, **model})


HOSTILE: Final[tuple[Callable[[Attack], None], ...]] = (
    log_line,
    fat_objects,
    regex_that_proxies_refuse,
    hosts_of_others,
    model_of_others_through_the_activator,
    pods_beyond_the_policy,
    identity_of_the_operator,
    archive_beyond_all_ratios,
)
LONG: Final[tuple[Callable[[Attack], None], ...]] = (
    log_line_of_a_model,
    host_of_an_owner_that_is_made_anew,
    name_of_somebody_elses_service,
    requests_for_models_that_do_not_exist,
    archive_beyond_its_bound,
    metrics_page,
    message_of_350_mebibytes,
    requests_that_are_held,
    counters_that_never_were,
    requests_past_the_route,
)


@pytest.fixture(scope="module")
def victim(cluster: Cluster, digits: Digits, model_server: ModelServer) -> Iterator[Victim]:
    with own_namespace(cluster, "victim", digits, model_server) as case:
        yield Victim(case)


@pytest.mark.usefixtures("disturbs")
@pytest.mark.parametrize(
    "attack",
    [*HOSTILE, *(pytest.param(one, marks=pytest.mark.long) for one in LONG)],
    ids=lambda attack: attack.__name__.replace("_", "-"),
)
def test_nobody_is_harmed_by(attack: Callable[[Attack], None], case: Case, victim: Victim, sources: Sources) -> None:
    with unharmed(victim):
        attack(Attack(case, victim, sources))
