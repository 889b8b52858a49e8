"""What the commands make of a rollout's stage, whichever version of the operator reports it."""

import pytest
from tests.support.documents import document, rollout, stable

from nereid.api.rollout_stage import Stage
from nereid.cli.view import read


@pytest.mark.parametrize("reason", ["RunningChecks", "SaidInOtherWords"])
def test_no_wording_of_a_reason_changes_the_stage(reason: str):
    view = read(document(stable=stable(), rollout=rollout("Preparing", reason, "…", stage="RunningChecks")))
    assert view.stage is Stage.RUNNING_CHECKS


def test_the_words_of_an_operator_without_stages_are_understood():
    view = read(document(stable=stable(), rollout=rollout("Preparing", "RunningChecks", "…")))
    assert view.stage is Stage.RUNNING_CHECKS
