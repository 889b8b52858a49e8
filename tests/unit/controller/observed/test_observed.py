import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.pods import IMAGE, INITIALIZING, container, crash_looping, pod, terminated, waiting
from tests.support.scenario import plan_of

from nereid.controller.build.provenance import labelled
from nereid.controller.build.revision import controller_revision, deployment, new_record
from nereid.controller.build.routing import virtual_services
from nereid.controller.decide.orders import LiveRevision
from nereid.controller.observed.facts import NOWHERE, Crash, DeploymentFacts, PodFacts, Problem, Routing, observe
from nereid.controller.observed.objects import (
    deployment_facts,
    endpoint_facts,
    facts_of,
    recovered_record,
    revision_record,
)
from nereid.controller.observed.pods import explained, pod_facts
from nereid.controller.observed.triton_log import load_failure
from nereid.controller.plan.plan import Exposure

LOGS = Path(__file__).parent / "triton_logs"
RUNNING = {"running": {"startedAt": "2026-11-20T12:00:00Z"}}


def main_problem(raw):
    return pod_facts(raw).problem


def triton(state, last=None):
    return pod(container("triton", state, last))


class TestImages:
    @pytest.mark.parametrize(
        ("reason", "message"),
        [
            ("ErrImagePull", "failed to pull and unpack image: not found"),
            ("ImagePullBackOff", 'Back-off pulling image "nvcr.io/nvidia/tritonserver:25.08-py3"'),
            ("InvalidImageName", "couldn't parse image name: invalid reference format"),
            ("ErrImageNeverPull", "Container image is not present with pull policy of Never"),
        ],
    )
    def test_an_image_that_cannot_be_pulled(self, reason, message):
        assert main_problem(triton(waiting(reason, message))) == Problem(
            "ImagePullFailed", f"image {IMAGE} cannot be pulled: {message}"
        )

    @pytest.mark.parametrize("reason", ["not found", "unexpected status from HEAD request to https://r/: 401"])
    def test_the_cause_is_told_however_often_the_image_is_named(self, reason):
        image = f"registry.example.com/{'team/' * 20}digits@sha256:{'0' * 64}"
        message = (
            f'Back-off pulling image "{image}": ErrImagePull: rpc error: code = NotFound desc = '
            f'failed to pull and unpack image "{image}": failed to resolve image: {image}: {reason}'
        )
        raw = triton(waiting("ImagePullBackOff", message))
        raw["spec"]["containers"][0]["image"] = image
        told = f"image {image} cannot be pulled: failed to resolve image: {reason}"
        assert main_problem(raw) == Problem("ImagePullFailed", told)

    def test_the_operators_own_image(self):
        raw = pod(fetch=container("fetch-model", waiting("ImagePullBackOff")))
        assert main_problem(raw) == Problem("ImagePullFailed", "image nereid:1 cannot be pulled: ImagePullBackOff")

    @pytest.mark.parametrize(
        ("message", "what"),
        [
            ('Back-off pulling image "registry/digits@sha256:00"', "the model's image registry/digits@sha256:00"),
            ('Back-off pulling image "nereid:1"', "image nereid:1"),
            ("not found", "image nereid:1"),
        ],
    )
    def test_a_model_that_is_an_image(self, message, what):
        raw = pod(fetch=container("fetch-model", waiting("ImagePullBackOff", message)))
        raw["spec"]["volumes"] = [{"name": "tmp"}, {"name": "m", "image": {"reference": "registry/digits@sha256:00"}}]
        raw["spec"]["initContainers"][1]["volumeMounts"] = [{"name": "tmp"}, {"name": "m"}]
        assert main_problem(raw) == Problem("ImagePullFailed", f"{what} cannot be pulled: {message}")


class TestScheduling:
    def test_no_capacity(self):
        message = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available."
        problem = main_problem(pod(scheduling={"reason": "Unschedulable", "message": message}))
        assert problem == Problem("InsufficientCapacity", f"no node can run the pod: {message}")

    def test_no_gpu(self):
        message = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
        problem = main_problem(pod(scheduling={"reason": "Unschedulable", "message": message}))
        assert (problem.reason, "nvidia.com/gpu" in problem.message) == ("InsufficientCapacity", True)

    def test_a_claim_that_does_not_exist_is_a_model_that_does_not(self):
        message = (
            '0/1 nodes are available: persistentvolumeclaim "models" not found. preemption: 0/1 nodes are available: '
            "1 Preemption is not helpful for scheduling."
        )
        assert main_problem(pod(scheduling={"reason": "Unschedulable", "message": message})) == Problem(
            "ModelNotFound", "there is no PersistentVolumeClaim models: create it or correct spec.model.uri"
        )

    def test_a_claim_that_is_not_bound_is_not_missing(self):
        message = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
        assert main_problem(pod(scheduling={"reason": "Unschedulable", "message": message})).reason != "ModelNotFound"


class TestConfiguration:
    def test_a_secret_that_is_missing(self):
        assert main_problem(triton(waiting("CreateContainerConfigError", 'secret "token" not found'))) == Problem(
            "ConfigurationMissing", 'container triton cannot be created: secret "token" not found'
        )

    def test_a_runtime_that_refuses_the_container(self):
        message = 'failed to create containerd task: exec: "tritonserver": executable file not found in $PATH'
        problem = main_problem(triton(**crash_looping(128, message, "StartError")))
        assert problem == Problem("ContainerCrashed", f"container triton ended with exit code 128: {message}")


class TestFetch:
    @pytest.mark.parametrize(
        "reason", ["ModelNotFound", "ModelAccessDenied", "ModelDigestMismatch", "ModelFetchFailed", "ModelInvalid"]
    )
    def test_its_own_word_is_the_reason(self, reason):
        raw = pod(
            fetch=container("fetch-model", **crash_looping(1, f"{reason}: https://x/7: answered 418: a teapot\n"))
        )
        assert main_problem(raw) == Problem(reason, "https://x/7: answered 418: a teapot")

    def test_the_cause_stays_while_it_is_tried_again(self):
        raw = pod(fetch=container("fetch-model", RUNNING, terminated(1, "ModelNotFound: no such folder: /7")))
        assert main_problem(raw) == Problem("ModelNotFound", "no such folder: /7")

    def test_the_cause_is_over_once_it_has_succeeded(self):
        fetched = container("fetch-model", terminated(0), terminated(1, "ModelFetchFailed: timed out"), ready=True)
        assert main_problem(pod(container("triton", RUNNING), fetch=fetched)) is None

    @pytest.mark.parametrize("is_over", [True, False])
    def test_the_digest_of_what_was_fetched(self, is_over):
        digest = f"sha256:{'0a' * 32}"
        end = terminated(0, json.dumps({"digest": digest, "bytes": 7, "files": 1, "cached": False}))
        raw = pod(fetch=container("fetch-model", end if is_over else RUNNING, ready=is_over))
        assert pod_facts(raw).digest == (digest if is_over else None)

    @pytest.mark.parametrize("message", ["", "fetched", "[]", '{"digest": 7}', '{"digest": "sha256:0a"}', "[" * 4096])
    def test_a_digest_that_cannot_be_read(self, message):
        assert pod_facts(pod(fetch=container("fetch-model", terminated(0, message), ready=True))).digest is None

    def test_an_end_without_a_word(self):
        raw = pod(fetch=container("fetch-model", **crash_looping(137)))
        assert main_problem(raw) == Problem(
            "ModelFetchFailed", "fetching the model ended with exit code 137: it left no message"
        )

    def test_a_traceback_is_told_by_its_last_line(self):
        message = "Traceback (most recent call last):\n  File …\nOSError: [Errno 28] No space left on device\n"
        raw = pod(fetch=container("fetch-model", **crash_looping(1, message)))
        assert main_problem(raw).message.endswith("exit code 1: OSError: [Errno 28] No space left on device")

    def test_running_out_of_memory_is_not_blamed_on_the_users_limits(self):
        raw = pod(fetch=container("fetch-model", **crash_looping(137, reason="OOMKilled")))
        assert main_problem(raw) == Problem("OutOfMemory", "container fetch-model used more memory than its limit")


class TestTriton:
    def test_out_of_memory(self):
        raw = triton(**crash_looping(137, reason="OOMKilled"))
        assert main_problem(raw) == Problem(
            "OutOfMemory",
            "container triton used more memory than its limit: raise spec.runtime.resources.limits",
        )
        assert pod_facts(raw).crash is None

    def test_a_crash_tells_which_run_it_was_so_that_its_log_is_read_once(self):
        facts = pod_facts(triton(**crash_looping(139, "Signal (11) received.\n")))
        assert facts.problem == Problem(
            "ContainerCrashed", "container triton ended with exit code 139: Signal (11) received."
        )
        assert facts.crash == Crash(run=1, exit_code=139, restarted=True)

    def test_a_crash_before_the_restart(self):
        assert pod_facts(triton(terminated(1))).crash == Crash(run=0, exit_code=1, restarted=False)

    def test_the_crash_stays_told_while_it_starts_again(self):
        assert main_problem(triton(RUNNING, terminated(1))).reason == "ContainerCrashed"

    def test_a_server_that_ends_again_and_again_without_an_error_is_in_problem_too(self):
        problem = main_problem(triton(**crash_looping(0, "Usage: tritonserver [options]\n")))
        assert problem.reason == "ContainerCrashed"

    def test_a_pod_that_just_starts_is_in_no_problem(self):
        fetching = container("fetch-model", RUNNING)
        assert main_problem(pod(container("triton", INITIALIZING), fetch=fetching)) is None
        assert main_problem(pod(container("triton", waiting("ContainerCreating")), fetch=fetching)) is None
        assert main_problem(triton(RUNNING)) is None

    def test_a_sidecar_that_crashed_once_and_runs_is_in_no_problem(self):
        proxy = container("istio-proxy", RUNNING, terminated(255), ready=True)
        assert main_problem(pod(container("triton", RUNNING), proxy=proxy)) is None


class TestPod:
    def test_a_ready_one_has_no_problem_whatever_happened_before(self):
        facts = pod_facts(pod(container("triton", RUNNING, terminated(1), ready=True), ready=True))
        assert facts == PodFacts("digits-x7k2m9qd-6f9c", ready=True, problem=None)

    def test_one_that_is_going_away_is_neither_ready_nor_in_problem(self):
        facts = pod_facts(pod(container("triton", **crash_looping(1)), ready=True, deleted=True))
        assert (facts.ready, facts.problem, facts.crash) == (False, None, None)

    @pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
    def test_one_that_is_over_is_neither_ready_nor_in_problem(self, phase):
        raw = triton(terminated(137))
        raw["status"] |= {"phase": phase, "reason": "Evicted"}
        assert pod_facts(raw) == PodFacts("digits-x7k2m9qd-6f9c", ready=False, problem=None, occupies=False)

    def test_one_that_nobody_has_looked_at_yet(self):
        raw = pod()
        del raw["status"]
        assert pod_facts(raw) == PodFacts("digits-x7k2m9qd-6f9c", ready=False, problem=None)

    def test_a_message_of_any_length_fits_into_a_condition(self):
        problem = main_problem(triton(waiting("ErrImagePull", "very\n\n  long " * 1000)))
        assert len(problem.message) == 600
        assert problem.message.endswith("…")
        assert "very long very long" in problem.message


class TestTritonLog:
    """Logs of Triton 2.51, started with models that it cannot load."""

    @pytest.mark.parametrize(
        ("log", "cause"),
        [
            ("corrupt-model", "Load model from /models/digits/1/model.onnx failed:Protobuf parsing failed."),
            ("unknown-backend", "unable to find backend library for backend 'tensorrt'"),
            ("bad-configuration", 'Message type "inference.ModelConfig" has no field named "garbage".'),
            ("no-version", "failed to load model 'digits': at least one version must be available"),
            ("no-repository", "failed to stat file /nonexistent"),
        ],
    )
    def test_says_why_a_model_does_not_load(self, log, cause):
        crashed = pod_facts(triton(**crash_looping(1)))
        problem = explained(crashed, (LOGS / f"{log}.log").read_text()).problem
        assert problem.reason == "ModelLoadFailed"
        assert cause in problem.message

    @pytest.mark.parametrize("log", ["corrupt-model", "unknown-backend", "bad-configuration", "no-version"])
    def test_the_sentence_has_no_noise(self, log):
        crashed = pod_facts(triton(**crash_looping(1)))
        sentence = explained(crashed, (LOGS / f"{log}.log").read_text()).problem.message
        for noise in ("CudaDriverHelper", "model_lifecycle.cc", "At:", "\\n", '"E1121', " |", '."'):
            assert noise not in sentence

    def test_the_log_of_a_newer_triton_and_its_onnx_backend(self):
        line = (
            "E1120 12:00:00.000000 1 model_lifecycle.cc:654] \"failed to load 'digits' version 1: Internal: onnx "
            'runtime error 7: Load model from /models/digits/1/model.onnx failed:Protobuf parsing failed."'
        )
        cause = "Internal: onnx runtime error 7: Load model from /models/digits/1/model.onnx failed:Protobuf parsing"
        assert load_failure(f"=== banner ===\n{line}\n") == f"{cause} failed."

    @pytest.mark.parametrize("log", ["corrupt-model", "unknown-backend"])
    def test_a_log_that_ends_before_the_table_says_the_same(self, log):
        text = (LOGS / f"{log}.log").read_text()
        without_tables = "\n".join(line for line in text.splitlines() if not line.startswith("|"))
        assert load_failure(without_tables) == load_failure(text).strip()

    def test_a_table_without_the_log_before_it_does_too(self):
        rows = [
            "| letters | 1       | READY                                  |",
            "| digits  | 1       | UNAVAILABLE: Internal: ValueError: the |",
            "|         |         | second half                            |",
            "|         |         |                                        |",
            "|         |         | At:                                    |",
            "|         |         |   /opt/model.py(66): load              |",
            "+---------+---------+----------------------------------------+",
        ]
        assert load_failure("\n".join(rows)).split() == ["Internal:", "ValueError:", "the", "second", "half"]

    @pytest.mark.parametrize(
        "log",
        [
            "",
            'E1120 12:00:00.000000 1 server.cc:241] "CudaDriverHelper has not been initialized."\nSignal (11)\n',
            'E1120 12:00:00.000000 1 http_server.cc:1] "Failed to process the request"\n',
            "I1120 12:00:00.000000 1 model_lifecycle.cc:839] \"successfully loaded 'digits'\"\n",
        ],
    )
    def test_another_crash_is_not_called_a_model_that_does_not_load(self, log):
        crashed = pod_facts(triton(**crash_looping(139)))
        assert explained(crashed, log) == crashed


class TestDeployment:
    def test_counts(self):
        raw = {"spec": {"replicas": 3}, "status": {"readyReplicas": 2, "availableReplicas": 1}}
        assert deployment_facts(raw) == DeploymentFacts(replicas=3, ready=2, available=1, problem=None)

    def test_one_that_the_controller_has_not_seen_yet(self):
        assert deployment_facts({"spec": {"replicas": 3}}) == DeploymentFacts(3, 0, 0, None)

    def test_pods_that_cannot_be_made(self):
        message = 'pods "digits-" is forbidden: error looking up service account models/digits: not found'
        failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
        raw = {"spec": {"replicas": 1}, "status": {"conditions": [{"type": "Progressing", "status": "True"}, failure]}}
        assert deployment_facts(raw).problem == Problem("ReplicaFailure", message)

    def test_a_failure_that_is_over(self):
        failure = {"type": "ReplicaFailure", "status": "False", "message": "exceeded quota"}
        assert deployment_facts({"spec": {}, "status": {"conditions": [failure]}}).problem is None


class TestRecord:
    def test_survives_being_kept(self):
        made = plan_of()
        record = new_record(made)
        assert revision_record(controller_revision(made.owner, record)) == record

    def test_labels_of_provenance_are_read_with_it(self):
        made = plan_of()
        record = replace(new_record(made), provenance_labels=(("nereid.dev/commit", "abc"), ("nereid.dev/run", "r1")))
        raw = labelled(controller_revision(made.owner, record), record.provenance_labels)
        assert revision_record(raw) == record

    @pytest.mark.parametrize("lost", ["version", "modelUri", "template"])
    def test_one_that_somebody_spoilt_is_none(self, lost):
        made = plan_of()
        raw = controller_revision(made.owner, new_record(made))
        del raw["data"][lost]
        assert revision_record(raw) is None
        assert revision_record({**raw, "data": None}) is None

    def test_is_recovered_from_the_deployment(self):
        made = plan_of()
        record = new_record(made)
        raw = deployment(made.owner, record, LiveRevision(record.revision, 1), 5)
        found = recovered_record(raw, "what status says")
        assert (found.revision, found.version, found.template) == (record.revision, record.version, record.template)
        assert (found.model_uri, found.model_name) == (record.model_uri, "digits")

    def test_what_an_older_operator_did_not_write_is_not_needed(self):
        made = plan_of()
        record = replace(new_record(made), model_name=None)
        raw = controller_revision(made.owner, record)
        assert "modelName" not in raw["data"]
        assert revision_record(raw) == record
        deployed = deployment(made.owner, record, LiveRevision(record.revision, 1), 5)
        del deployed["metadata"]["annotations"]
        found = recovered_record(deployed, "pvc://models/1")
        assert (found.model_uri, found.model_name) == ("pvc://models/1", None)


def endpoint_slice(family: str, ready: Sequence[bool | None]) -> dict[str, Any]:
    conditions = [{} if one is None else {"ready": one} for one in ready]
    return {"addressType": family, "endpoints": [{"addresses": ["::"], "conditions": one} for one in conditions]}


class TestObserve:
    def test_groups_children_by_revision(self):
        made = plan_of()
        record = new_record(made)
        deployed = DeploymentFacts(2, 2, 1, None)
        ill = PodFacts("p", ready=False, problem=Problem("OutOfMemory", "too little"))
        seen = observe([("a", record), ("a", deployed), ("b", ill), ("a", None), (None, None)])
        assert (seen.of("a").record, seen.of("a").ready, seen.of("a").available) == (record, 2, 1)
        assert seen.of("b").problem == ill.problem
        assert (seen.of("c").available, seen.of(None).available) == (0, 0)

    def test_a_pod_gets_traffic_once_the_service_has_it_as_endpoint(self):
        deployed = DeploymentFacts(3, 3, 3, None)
        slices = [endpoint_facts(endpoint_slice("IPv4", ready)) for ready in ([True, False], [None])]
        seen = observe([("a", deployed), *(("a", one) for one in slices)]).of("a")
        assert (seen.ready, seen.available) == (3, 2)
        assert "3 pods are ready, but the Service has 2 as endpoints" in str(seen.late_endpoints)

    def test_a_pod_with_an_address_of_each_family_is_one(self):
        slices = [endpoint_facts(endpoint_slice(family, [True, True])) for family in ("IPv4", "IPv6")]
        seen = observe([("a", DeploymentFacts(3, 3, 3, None)), *(("a", one) for one in slices)]).of("a")
        assert seen.available == 2

    def test_endpoints_of_pods_that_the_deployment_does_not_count_add_nothing(self):
        slices = [endpoint_facts(endpoint_slice("IPv4", [True, True]))]
        seen = observe([("a", DeploymentFacts(2, 1, 1, None)), *(("a", one) for one in slices)]).of("a")
        assert (seen.available, seen.late_endpoints) == (1, None)

    def test_without_any_slice_the_deployment_is_believed(self):
        seen = observe([("a", DeploymentFacts(3, 3, 3, None))]).of("a")
        assert (seen.available, seen.late_endpoints) == (3, None)

    def test_the_most_telling_problem_wins_and_is_the_same_in_any_order(self):
        crash = PodFacts("p", ready=False, problem=Problem("ContainerCrashed", "z"))
        capacity = PodFacts("q", ready=False, problem=Problem("InsufficientCapacity", "a"))
        for pods in ([crash, capacity], [capacity, crash]):
            assert observe([("a", one) for one in pods]).of("a").problem == crash.problem

    def test_pods_that_cannot_be_made_count_too(self):
        failure = Problem("ReplicaFailure", "exceeded quota")
        assert observe([("a", DeploymentFacts(1, 0, 0, failure))]).of("a").problem == failure

    def test_only_kinds_that_say_something_have_facts(self):
        assert facts_of("DestinationRule", {"metadata": {}}) is None
        assert facts_of("Pod", pod()) == pod_facts(pod())


ABTEST = {"strategy": "ABTest", "abTest": {"headers": [{"name": "x-team", "exact": "research"}]}}
PREVIEW = {"strategy": "BlueGreen", "blueGreen": {"previewHosts": ["preview.example.com"]}}


def routes(rollout=None, **exposures):
    """Return the VirtualServices of what is built for revisions with these exposures."""
    spec = {
        "model": {"uri": "pvc://models/digits/1/model.onnx"},
        "traffic": {"hosts": ["digits.example.com"], "gateways": ["mesh/public"]},
        "rollout": rollout or {},
    }
    live = [LiveRevision(revision, 1, exposure) for revision, exposure in exposures.items()]
    return copy.deepcopy(list(virtual_services(plan_of(spec), live)))


def seen(found):
    return observe([(None, facts_of("VirtualService", one)) for one in found])


class TestRouting:
    SPLIT = Routing(weights=frozenset({("a", 80), ("b", 20)}))
    MIRROR = Routing(weights=frozenset({("a", 100)}), mirror=frozenset({("b", 50)}))
    MATCHED = Routing(weights=frozenset({("a", 100)}), matched=frozenset({("b", 100)}))

    def split(self):
        return routes(a=Exposure(80), b=Exposure(20))

    def mirrored(self):
        return routes(a=Exposure(100), b=Exposure(mirror=50))

    def matched(self):
        return routes(ABTEST, a=Exposure(100), b=Exposure(matched=True))

    def test_is_what_was_built(self):
        assert seen(self.split()).is_routed(self.SPLIT)
        assert seen(self.mirrored()).is_routed(self.MIRROR)
        assert seen(self.matched()).is_routed(self.MATCHED)
        assert not seen(self.split()).is_routed(self.MIRROR)

    def test_a_revision_without_traffic_is_in_no_route(self):
        everything = Routing(weights=frozenset({("b", 100)}))
        assert seen(routes(a=Exposure(0), b=Exposure(100))).is_routed(everything)

    def test_previews_carry_nothing_of_the_models_traffic(self):
        found = routes(PREVIEW, a=Exposure(100), b=Exposure(preview=True))
        assert len(found) == 3
        assert seen(found).is_routed(Routing(weights=frozenset({("a", 100)})))

    def test_nothing_is_routed_where_there_is_no_virtual_service(self):
        assert not seen([]).is_routed(self.SPLIT)
        assert seen([]).is_routed(NOWHERE)

    def test_a_virtual_service_leads_somewhere(self):
        assert not seen(self.split()).is_routed(NOWHERE)

    @pytest.mark.parametrize("place", [0, 1])
    def test_both_virtual_services_count(self, place):
        found = self.split()
        found[place] = self.mirrored()[place]
        assert not seen(found).is_routed(self.SPLIT)

    @pytest.mark.parametrize("protocol", [0, 1])
    def test_a_weight_that_somebody_changed(self, protocol):
        found = self.split()
        destinations = found[0]["spec"]["http"][protocol]["route"]
        destinations[0]["weight"], destinations[1]["weight"] = 50, 50
        assert not seen(found).is_routed(self.SPLIT)

    @pytest.mark.parametrize("protocol", [0, 1])
    @pytest.mark.parametrize("field", ["mirror", "mirrorPercentage"])
    def test_a_mirror_that_somebody_took_away(self, protocol, field):
        found = self.mirrored()
        del found[1]["spec"]["http"][protocol][field]
        assert not seen(found).is_routed(self.MIRROR)

    def test_a_second_mirror_that_somebody_added(self):
        found = self.mirrored()
        route = found[0]["spec"]["http"][1]
        route["mirrors"] = [{"destination": {"host": "spy.example.com"}, "percentage": {"value": 1}}]
        assert not seen(found).is_routed(self.MIRROR)

    @pytest.mark.parametrize("place", range(4))
    def test_a_route_that_somebody_removed(self, place):
        found = self.matched()
        del found[0]["spec"]["http"][place]
        assert not seen(found).is_routed(self.MATCHED)

    def test_all_routes_that_somebody_removed(self):
        found = self.split()
        del found[0]["spec"]["http"]
        assert not seen(found).is_routed(self.SPLIT)

    @pytest.mark.parametrize("name", ["", "canary", "matched-all"])
    def test_a_route_that_somebody_inserted(self, name):
        found = self.matched()
        found[0]["spec"]["http"].insert(
            0, {"name": name, "route": [{"destination": {"host": "digits-b.models.svc.cluster.local"}}]}
        )
        assert not seen(found).is_routed(self.MATCHED)

    @pytest.mark.parametrize("spoilt", [{"redirect": {"authority": "x"}}, {"route": [{}]}, {"mirror": None}])
    def test_routes_of_any_kind_can_be_read(self, spoilt):
        found = self.split()
        found[0]["spec"]["http"] = [spoilt]
        assert not seen(found).is_routed(self.SPLIT)
