"""The Job that runs checks, in full, and its name."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from tests.support.golden import as_yaml, compare

from nereid.api import names
from nereid.api.checks import CheckSpec
from nereid.contract.check_job import MAX_CHECKS_BYTES, CheckWork, Dataset, DatasetsWork, checks_size_problem
from nereid.controller.build.checks_job import checks_job, job_name, work_of
from nereid.controller.decide.orders import CheckRun
from nereid.controller.plan.plan import Plan, Specified, held_at, pinned_to
from nereid.controller.plan.reading import read_plan
from nereid.controller.plan.settings import Settings

GOLDEN = Path(__file__).parent / "checks_job.yaml"
IMAGE = [{"name": "image", "columns": ["pixel*"]}]
CHECKS: list[dict[str, Any]] = [
    {
        "name": "known",
        "requests": [
            {
                "body": {
                    "inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": ["$(HOME) costs $5"]}]
                },
                "expected": [{"name": "label", "data": [3]}],
            }
        ],
    },
    {
        "name": "accuracy",
        "dataset": {"uri": "pvc://data/held-out.csv", "inputs": IMAGE},
        "accuracy": {"label": "truth", "output": "label", "minimumPercent": 95},
    },
    {
        "name": "fast",
        "dataset": {
            "uri": "https://files.example.com/x.parquet",
            "caBundle": {"name": "authority", "key": "ca.crt"},
            "inputs": IMAGE,
        },
        "latency": {"maximumMilliseconds": 20},
    },
    {
        "name": "alike",
        "dataset": {"configMap": {"name": "rows", "key": "x.npz"}, "inputs": IMAGE},
        "comparison": {"output": "label", "kind": "Classes"},
    },
    {
        "name": "alike-too",
        "dataset": {"uri": "pvc://data/other.csv", "inputs": IMAGE},
        "comparison": {"output": "label", "kind": "Scores"},
    },
]


def planned(name: str = "digits") -> Specified:
    spec = {
        "model": {"uri": "pvc://models/digits/2/", "version": "2"},
        "runtime": {
            "imagePullSecrets": [{"name": "registry"}],
            "nodeSelector": {"gpu": "h200"},
            "tolerations": [{"key": "team", "operator": "Equal", "value": "vision", "effect": "NoSchedule"}],
            "priorityClassName": "serving",
        },
        "traffic": {"timeout": "15s"},
    }
    return read_plan({"name": name, "namespace": "vision", "uid": "1f7c9a52", "generation": 3}, spec, Settings())


VERSION = "2-lmnpqrst"


def run_of(*wanted: str, stable: str = "bcdfghjk", step: int = 1, attempt: int = 2) -> CheckRun:
    checks = tuple(CheckSpec.model_validate(check) for check in CHECKS if not wanted or check["name"] in wanted)
    return CheckRun("lmnpqrst", stable, attempt, step, checks, 600)


def test_manifest(request: pytest.FixtureRequest) -> None:
    compare(as_yaml(checks_job(planned(), run_of(), VERSION)), GOLDEN, request)


def test_the_pod_is_none_of_the_models_own() -> None:
    labels = checks_job(planned(), run_of(), VERSION)["spec"]["template"]["metadata"]["labels"]
    assert labels["app"] != "digits"
    assert names.LABEL_REVISION not in labels


def test_work_survives_the_environment() -> None:
    container = checks_job(planned(), run_of(), VERSION)["spec"]["template"]["spec"]["containers"][0]
    value = container["env"][0]["value"].replace("$$", "$")
    assert CheckWork.model_validate_json(value) == work_of(planned(), run_of())
    assert work_of(planned(), run_of()).checks == list(run_of().checks)


@pytest.mark.parametrize(
    ("run", "stable"),
    [
        (run_of(), "digits-bcdfghjk.vision.svc.cluster.local:8000"),
        (run_of("known", "accuracy", "fast"), None),
        (run_of(stable=""), None),
        (run_of(stable="lmnpqrst"), None),
    ],
)
def test_stable_is_asked_where_something_is_compared(run: CheckRun, stable: str | None) -> None:
    assert work_of(planned(), run).stable == stable


@pytest.mark.parametrize(
    "plan",
    [held_at(planned(), "lmnpqrst", "digits", "refused"), pinned_to(planned(), "lmnpqrst")],
    ids=["held", "pinned"],
)
def test_a_candidate_that_goes_on_in_place_of_the_specs_is_checked_in_the_same_way(plan: Plan) -> None:
    assert checks_job(plan, run_of(), VERSION) == checks_job(planned(), run_of(), VERSION)


def with_dataset(**dataset: Any) -> dict[str, Any]:
    check = {**CHECKS[2], "dataset": {"inputs": IMAGE, **dataset}}
    run = CheckRun("lmnpqrst", "bcdfghjk", 2, 1, (CheckSpec.model_validate(check),), 600)
    pod: dict[str, Any] = checks_job(planned(), run, VERSION)["spec"]["template"]["spec"]
    return pod


def fetching(pod: dict[str, Any]) -> Dataset:
    (container,) = pod["initContainers"]
    (variable,) = container["env"]
    (dataset,) = TypeAdapter(DatasetsWork).validate_json(variable["value"]).datasets
    return dataset


def test_a_data_set_in_a_bucket_is_fetched_with_its_credentials_by_one_container_alone() -> None:
    pod = with_dataset(
        uri="s3://data/x.csv", endpoint="https://minio.storage:9000", credentials={"secretName": "reader"}
    )
    dataset = fetching(pod)
    assert (dataset.check, dataset.request.endpoint) == ("fast", "https://minio.storage:9000")
    mounted = {mount["mountPath"] for mount in pod["initContainers"][0]["volumeMounts"]}
    assert mounted == {"/tmp", "/mnt/secrets/reader"}
    assert str(dataset.request.credentials) in mounted
    assert [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]] == ["/tmp"]
    assert {"name": "secret-0", "secret": {"secretName": "reader", "optional": True}} in pod["volumes"]
    # Only the model's own service account could be what the bucket knows the reader by, and it has none.
    assert pod["automountServiceAccountToken"] is False


def test_a_file_of_a_registered_model_comes_from_the_operators_server() -> None:
    settings = Settings(mlflow_tracking_uri="https://mlflow.example.com")
    check = CheckSpec.model_validate(
        {**CHECKS[2], "dataset": {"uri": "models:/digits/7", "path": "x.csv", "inputs": IMAGE}}
    )
    spec = {"model": {"uri": "pvc://models/1"}, "runtime": {"serviceAccountName": "reader"}}
    made = read_plan({"name": "digits", "namespace": "vision", "uid": "1", "generation": 1}, spec, settings)
    pod = checks_job(made, CheckRun("lmnpqrst", "", 1, 0, (check,), 600), VERSION)["spec"]["template"]["spec"]
    request = fetching(pod).request
    assert (request.endpoint, str(request.path)) == ("https://mlflow.example.com", "x.csv")
    assert pod["serviceAccountName"] == "reader"


@pytest.mark.parametrize("dataset", [{"uri": "pvc://data/x.csv"}, {"configMap": {"name": "rows", "key": "x.csv"}}])
def test_what_is_mounted_is_not_fetched(dataset: dict[str, Any]) -> None:
    pod = with_dataset(**dataset)
    assert "initContainers" not in pod
    assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize("length", [1, 33, 34, 35, 49, 50])
def test_names_fit_into_a_label_with_the_pods_suffix(length: int) -> None:
    for step, attempt in ((0, 1), (19, 999), (99, 999999)):
        found = job_name("a" * length, run_of(step=step, attempt=attempt))
        assert len(f"{found}-abcde") <= 63
        assert f"-checks-lmnpqrst-{step}-{attempt}-" in found


def test_long_names_stay_different() -> None:
    one, other = (job_name(f"{'a' * 30}-{end * 19}", run_of()) for end in "bc")
    assert one != other
    assert "--" not in one


def test_checks_that_fit_have_no_problem() -> None:
    assert checks_size_problem(run_of().checks) is None


def test_checks_that_do_not_fit() -> None:
    large = CHECKS[0] | {"name": "large"}
    large["requests"] = [{**large["requests"][0], "body": {"inputs": ["ä" * (MAX_CHECKS_BYTES // 2)]}}]
    assert checks_size_problem([*run_of().checks, CheckSpec.model_validate(large)]) == (
        "spec.rollout.checks takes 97 KiB as JSON, and 96 KiB fit into the check Job; large is the largest check: "
        "use fewer or smaller requests, or a data set instead"
    )
