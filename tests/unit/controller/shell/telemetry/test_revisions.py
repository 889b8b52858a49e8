import pytest
from tests.support.telemetry import statuses
from tests.support.telemetry.collecting import collected
from tests.support.telemetry.statuses import MOMENT, Model

KEY = ("shop", "digits")


def test_both_revisions_show_their_pods():
    status = statuses.analyzing()
    status["candidate"] |= {"replicas": 3, "readyReplicas": 2}
    found = collected(Model("digits", status))
    assert found["nereid_revision_info"] == {
        (*KEY, "vvvvvvvv", "1-vvvvvvvv", "stable"): 1,
        (*KEY, "wwwwwwww", "2-wwwwwwww", "candidate"): 1,
    }
    assert found["nereid_revision_replicas"][*KEY, "wwwwwwww", "candidate"] == 3
    assert found["nereid_revision_ready_replicas"][*KEY, "wwwwwwww", "candidate"] == 2


def test_a_revision_that_drains_is_told_by_the_version_under_which_it_served():
    status = statuses.idle()
    status["rollout"]["retiring"] = [
        {"revision": "tttttttt", "since": MOMENT, "replicas": 2},
        {"revision": "xxxxxxxx", "since": MOMENT, "replicas": 1},
    ]
    status["history"] = [{"revision": "tttttttt", "version": "0-tttttttt", "modelUri": "pvc://models/digits.onnx"}]
    found = collected(Model("digits", status))
    assert found["nereid_revision_info"].keys() == {
        (*KEY, "vvvvvvvv", "1-vvvvvvvv", "stable"),
        (*KEY, "tttttttt", "0-tttttttt", "retiring"),
        (*KEY, "xxxxxxxx", "", "retiring"),
    }
    assert found["nereid_revision_replicas"][*KEY, "tttttttt", "retiring"] == 2
    assert found["nereid_revision_ready_replicas"].keys() == {(*KEY, "vvvvvvvv", "stable")}


@pytest.mark.parametrize(
    ("scaling", "most"),
    [
        ({}, None),
        ({"replicas": 3}, None),
        ({"maxReplicas": 8}, 8),
        ({"minReplicas": 1, "maxReplicas": 8}, 8),
        ({"minReplicas": 0, "maxReplicas": 2}, 2),
        ({"minReplicas": 0, "maxReplicas": 1}, None),
        ({"minReplicas": 3, "maxReplicas": 3}, None),
    ],
)
def test_only_one_whose_scaler_has_a_choice_has_a_maximum(scaling, most):
    found = collected(Model("digits", statuses.idle(), {"scaling": scaling}))
    assert found.get("nereid_model_deployment_max_replicas", {}).get(KEY) == most
    assert "nereid_model_deployment_sleeping" not in found


@pytest.mark.parametrize(("state", "sleeps"), [("Awake", 0), ("FallingAsleep", 0), ("Asleep", 1), ("Waking", 1)])
def test_one_that_may_sleep_says_whether_it_does_until_it_has_woken(state, sleeps):
    status = statuses.idle() | {"scaling": {"state": state, "since": MOMENT}}
    assert collected(Model("digits", status))["nereid_model_deployment_sleeping"] == {KEY: sleeps}


def test_scaling_that_cannot_be_read_costs_nothing_else():
    found = collected(Model("digits", statuses.idle(), {"scaling": {"maxReplicas": "many"}}))
    assert "nereid_model_deployment_max_replicas" not in found
    assert found["nereid_model_deployment_objective"][*KEY, "availability"] == 0.995
