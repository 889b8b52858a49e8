"""The objects of a search, and the manifest that it ends with."""

from typing import Any

from nereid.cli.tune.configuration import OWN, Configuration, Hardware
from nereid.cli.tune.generator import Exercise
from nereid.cli.tune.k6 import K6
from nereid.cli.tune.manifests import Run, anchor, chosen, load_files, load_job, model_name, owner, trial

RUN = Run("x7k2m", "digits")
HOLDER = owner({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "tune-x7k2m", "uid": "1"}})
DOCUMENT: dict[str, Any] = {
    "apiVersion": "nereid.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {
        "name": "digits",
        "namespace": "models",
        "uid": "2",
        "resourceVersion": "3",
        "labels": {"team": "vision"},
        "annotations": {"nereid.dev/promote": "x/1", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    },
    "spec": {
        "model": {"uri": "models:/digits@champion", "refresh": "5m", "tagRegistry": True},
        "runtime": {"disruptionBudget": {"maxUnavailable": 1}, "nodeSelector": {"pool": "gpu"}},
        "scaling": {"minReplicas": 0, "maxReplicas": 8},
        "traffic": {"hosts": ["digits.example.com"], "gateways": ["istio-ingress/nereid"], "timeout": "5s"},
        "rollout": {"steps": [{"weight": 10}]},
        "monitoring": {},
    },
    "status": {"resolution": {"uri": "models:/digits@champion", "resolvedUri": "models:/digits/7"}},
}
BATCHES = Configuration(Hardware(OWN), batch_size=8)


def test_a_trial_serves_the_same_model_for_nobody_else():
    manifest = trial(DOCUMENT, BATCHES, "tune-x7k2m-1", RUN, HOLDER)
    assert manifest["metadata"]["ownerReferences"] == [HOLDER]
    assert manifest["spec"] == {
        "model": {
            "uri": "models:/digits/7",
            "name": "digits",
            "config": {"maxBatchSize": 8, "dynamicBatching": {"preferredBatchSize": [8]}},
        },
        "runtime": {"nodeSelector": {"pool": "gpu"}},
        "scaling": {"replicas": 1},
        "traffic": {"timeout": "5s"},
        "rollout": {"strategy": "Direct", "checks": {"smoke": False}},
    }


def test_a_reference_that_was_resolved_for_another_uri_does_not_count():
    other = {**DOCUMENT, "status": {"resolution": {"uri": "models:/digits@old", "resolvedUri": "models:/digits/6"}}}
    assert trial(other, BATCHES, "tune-x7k2m-1", RUN, HOLDER)["spec"]["model"]["uri"] == "models:/digits@champion"


def test_clients_ask_for_the_model_by_its_own_name():
    named = {**DOCUMENT, "spec": {"model": {"uri": "u", "name": "numbers"}}}
    assert (model_name(DOCUMENT), model_name(named)) == ("digits", "numbers")


def test_all_of_it_ends_by_itself():
    job = anchor(RUN, 1800.4)
    assert job["spec"]["parallelism"] == 0
    assert job["spec"]["activeDeadlineSeconds"] == 1800
    assert job["spec"]["ttlSecondsAfterFinished"] == 0
    assert job["metadata"]["labels"] == {"nereid.dev/tune": "x7k2m", "nereid.dev/tuned": "digits"}


def test_a_load_is_made_from_within_the_mesh_and_once():
    exercise = Exercise("tune-x7k2m-1.models.svc:8000", "digits", 2, 3, 10, {})
    job = load_job("tune-x7k2m-1-c2", K6(), exercise, RUN, HOLDER)
    template = job["spec"]["template"]
    assert job["spec"]["backoffLimit"] == 0
    assert template["metadata"]["labels"]["sidecar.istio.io/inject"] == "true"
    assert (
        template["spec"]["volumes"][0]["configMap"]["name"]
        == load_files(RUN.name, K6(), RUN, HOLDER)["metadata"]["name"]
    )


def test_the_manifest_is_the_users_with_the_configuration_merged_in():
    manifest = chosen(DOCUMENT, BATCHES)
    assert manifest["metadata"] == {"name": "digits", "namespace": "models", "labels": {"team": "vision"}}
    assert manifest["spec"]["model"]["refresh"] == "5m"
    assert manifest["spec"]["model"]["config"]["maxBatchSize"] == 8
    assert manifest["spec"]["scaling"] == DOCUMENT["spec"]["scaling"]
    assert "status" not in manifest
