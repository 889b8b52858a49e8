"""When a reference that may move is looked up, and what holds until then."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.support.scenario import METADATA, NOW, plan_of

from nereid.api.provenance import ObservedProvenance, Provenance
from nereid.api.status import ResolutionFailure, ResolutionStatus
from nereid.contract.model_job import ModelJobAnswer
from nereid.controller.decide.source.resolution import Resolution, made_from, resolve
from nereid.controller.observed.model_jobs import ModelJobFacts
from nereid.controller.plan.reading import read_plan
from nereid.controller.plan.resolution import ResolutionRequest, request_of
from nereid.controller.plan.revision_content import with_resolved_uri
from nereid.controller.plan.settings import Settings

CHAMPION = "models:/digits@champion"
SEVEN = "models:/digits/7"


def request(uri: str = CHAMPION, **model: object) -> ResolutionRequest:
    found = request_of(plan_of({"model": {"uri": uri, **model}}).source)
    assert found
    return found


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def look(
    status: ResolutionStatus | None = None,
    *facts: ModelJobFacts,
    now: datetime = NOW,
    asked: ResolutionRequest | None = None,
    served: frozenset[str] = frozenset(),
) -> Resolution:
    return resolve(asked or request(), status, facts, served, now)


def answered(
    answer: ModelJobAnswer,
    status: ResolutionStatus | None = None,
    now: datetime = NOW,
    asked: ResolutionRequest | None = None,
) -> Resolution:
    """Return what follows from an answer to the question that is due."""
    due = look(status, now=now, asked=asked)
    assert due.job
    pod = ModelJobFacts(due.job.run, answer=answer, failure=answer.failure, is_over=True)
    return look(due.status, ModelJobFacts(due.job.run, created=now), pod, now=now, asked=asked)


def leads_to(uri: str, **provenance: str) -> ModelJobAnswer:
    return ModelJobAnswer.model_validate({"uri": uri, "provenance": provenance})


def failure_of(reason: str = "ModelNotFound") -> ModelJobAnswer:
    return ModelJobAnswer(failure=ResolutionFailure(reason=reason, message="there is no alias champion"))


class TestWhatIsLookedUp:
    @pytest.mark.parametrize(
        "uri",
        [
            SEVEN,
            CHAMPION,
            "models:/digits/latest",
            "runs:/0123abcd/model",
            "oci://registry.example.com/digits",
            "oci://registry.example.com/digits:latest",
            "hf://owner/model",
            "hf://owner/model:main",
            f"hf://owner/model:{'a' * 39}",
        ],
    )
    def test_what_may_move_and_what_a_registry_knows(self, uri):
        assert request(uri).uri == uri

    @pytest.mark.parametrize(
        "uri",
        [
            "pvc://models/digits",
            "https://example.com/digits.onnx",
            "s3://models/digits",
            "gs://models/digits",
            "azure://account/container/digits",
            f"oci://registry.example.com/digits@sha256:{'0' * 64}",
            f"oci://registry.example.com/digits:7@sha256:{'0' * 64}",
            f"hf://owner/model:{'a' * 40}",
        ],
    )
    def test_what_says_itself_where_it_leads(self, uri):
        assert request_of(plan_of({"model": {"uri": uri}}).source) is None

    def test_the_id_changes_with_all_that_may_change_the_answer(self):
        asked = [
            request(),
            request("models:/digits@other"),
            request(endpoint="http://mlflow:5000"),
            request(credentials={"secretName": "mlflow"}),
            request(caBundle={"name": "ca", "key": "ca.crt"}),
            request_of(plan_of({"model": {"uri": CHAMPION}, "runtime": {"serviceAccountName": "reader"}}).source),
        ]
        assert len({one.id for one in asked}) == len(asked)

    def test_the_id_does_not_change_with_anything_else(self):
        assert request(version="3", format="onnx", provenance={"commit": "abc"}, refresh="5m").id == request().id

    def test_an_operator_that_is_set_up_otherwise_looks_nothing_up_anew(self):
        other = Settings(mlflow_tracking_uri="http://other")
        assert request_of(read_plan(METADATA, {"model": {"uri": CHAMPION}}, other).source).id == request().id


class TestTheAnswer:
    @pytest.mark.parametrize(
        ("asked", "answer"),
        [
            (CHAMPION, "models:/digits/8"),
            (
                "oci://registry.example.com:5000/a/digits:v1",
                f"oci://registry.example.com:5000/a/digits@sha256:{'0' * 64}",
            ),
            ("hf://owner/model", f"hf://owner/model:{'a' * 40}"),
            ("hf://owner/model:main", f"hf://owner/model:{'a' * 40}"),
        ],
    )
    def test_names_the_same_model_for_ever(self, asked, answer):
        assert answered(leads_to(answer), asked=request(asked)).uri == answer

    @pytest.mark.parametrize(
        ("asked", "answer"),
        [
            (CHAMPION, "models:/letters/8"),
            (CHAMPION, "models:/digits/latest"),
            (CHAMPION, "models:/digits/8 "),
            (CHAMPION, "https://example.com/m.onnx"),
            ("oci://registry/digits:v1", f"oci://elsewhere/digits@sha256:{'0' * 64}"),
            ("oci://registry/digits:v1", "oci://registry/digits@sha256:0"),
            ("hf://owner/model", "hf://owner/model:main"),
        ],
    )
    def test_is_none_otherwise(self, asked, answer):
        found = answered(leads_to(answer), asked=request(asked))
        assert (found.uri, found.status.failure.reason) == (None, "ResolutionFailed")


class TestTheFirstLook:
    def test_begins_with_a_job(self):
        found = look()
        assert (found.status.uri, found.uri) == (CHAMPION, None)
        assert (found.job.task, found.job.uri) == ("resolve", CHAMPION)

    def test_goes_on_with_the_same_job_after_a_restart(self):
        first = look()
        assert look(first.status, now=after(5)).job == first.job

    def test_ends_with_what_the_reference_leads_to(self):
        found = answered(leads_to(SEVEN, run="r1", commit="abc"))
        assert (found.uri, found.job, found.requeue_after) == (SEVEN, None, None)
        assert found.status.provenance == ObservedProvenance(run="r1", commit="abc")
        assert found.status.resolved_at == found.status.checked_at == NOW
        assert found.status.next_check is None

    def test_is_not_repeated_without_refresh(self):
        done = answered(leads_to(SEVEN)).status
        later = look(done, now=after(1_000_000))
        assert (later.job, later.requeue_after, later.status) == (None, None, done)

    def test_is_repeated_for_another_reference(self):
        done = answered(leads_to(SEVEN)).status
        other = look(done.model_copy(update={"tagged": "abc"}), asked=request("models:/digits@challenger"))
        assert (other.uri, other.status.tagged) == (None, "abc")
        assert other.job

    def test_does_not_take_the_answer_to_another_question(self):
        stray = ModelJobFacts("other-0", answer=leads_to(SEVEN), is_over=True)
        assert look(None, stray).uri is None

    def test_does_not_take_the_answer_to_a_former_owner_of_the_name(self):
        former = look(asked=replace(request(), owner="former"))
        stray = ModelJobFacts(former.job.run, answer=leads_to(SEVEN), is_over=True)
        assert look(None, stray).uri is None

    @pytest.mark.parametrize("uri", ["models:/digits@champion", "pvc://secrets/x", "hf://owner/model:main", "x" * 2000])
    def test_takes_no_answer_that_may_move_or_leads_elsewhere(self, uri):
        found = answered(leads_to(uri))
        assert found.uri is None
        assert found.status.failure.reason == "ResolutionFailed"

    def test_of_a_version_that_serves_waits_for_nothing(self):
        found = look(asked=request(SEVEN), served=frozenset({SEVEN}))
        assert found.uri == SEVEN
        assert found.job, "the registry is asked what it knows"

    def test_of_a_version_that_never_served_waits_for_the_registry(self):
        assert look(asked=request(SEVEN), served=frozenset({"models:/digits/6"})).uri is None


class TestFailures:
    def test_are_tried_again_later_and_later(self):
        status, now = None, NOW
        waits = []
        for _ in range(7):
            found = answered(failure_of(), status, now)
            assert found.requeue_after
            waits.append(found.requeue_after)
            assert found.status.next_check == now + timedelta(seconds=found.requeue_after)
            assert look(found.status, now=now + timedelta(seconds=found.requeue_after - 1)).job is None
            status, now = found.status, now + timedelta(seconds=found.requeue_after)
        assert waits == [10, 30, 60, 120, 300, 300, 300]

    def test_have_a_job_of_their_own_each(self):
        first = look()
        second = look(answered(failure_of()).status, now=after(10))
        assert first.job.run != second.job.run

    def test_are_forgotten_after_a_success(self):
        failed = answered(failure_of()).status
        found = answered(leads_to(SEVEN), failed, after(10)).status
        assert (found.failures, found.failure, found.resolved_uri) == (0, None, SEVEN)

    def test_tell_what_keeps_the_pod_from_running(self):
        run = look().job.run
        pod = ModelJobFacts(run, failure=ResolutionFailure(reason="ImagePullFailed", message="no such image"))
        waiting = look(None, ModelJobFacts(run, created=NOW), pod, now=after(5))
        assert (waiting.why_not_running, waiting.uri, waiting.requeue_after) == ("no such image", None, 45)
        late = look(None, ModelJobFacts(run, created=NOW), pod, now=after(60))
        assert (late.status.failure.reason, late.job) == ("ImagePullFailed", None)

    @pytest.mark.parametrize(
        ("has_pod", "words"), [(True, "or the pod did not start"), (False, "no pod was made for it")]
    )
    def test_tell_of_a_job_that_hangs(self, has_pod, words):
        run = look().job.run
        facts = [ModelJobFacts(run, created=NOW), *([ModelJobFacts(run)] if has_pod else [])]
        assert words in look(None, *facts, now=after(61)).status.failure.message

    def test_tell_of_a_pod_that_was_removed_with_its_answer(self):
        run = look().job.run
        found = look(None, ModelJobFacts(run, created=NOW, is_over=True))
        assert "removed before its answer was read" in found.status.failure.message


class TestRefresh:
    ASKED = request(refresh="5m")

    def test_comes_at_its_time(self):
        done = answered(leads_to(SEVEN), asked=self.ASKED)
        assert done.requeue_after == 300
        assert look(done.status, now=after(299), asked=self.ASKED).job is None
        due = look(done.status, now=after(300), asked=self.ASKED)
        assert (due.uri, due.job.uri) == (SEVEN, CHAMPION)

    def test_that_finds_the_same_changes_only_its_times(self):
        done = answered(leads_to(SEVEN), asked=self.ASKED).status
        again = answered(leads_to(SEVEN), done, after(300), self.ASKED).status
        assert again == done.model_copy(update={"checked_at": after(300), "next_check": after(600)})

    def test_that_finds_another_target(self):
        done = answered(leads_to(SEVEN), asked=self.ASKED).status
        moved = answered(leads_to("models:/digits/8"), done, after(300), self.ASKED).status
        assert (moved.resolved_uri, moved.resolved_at) == ("models:/digits/8", after(300))

    def test_that_fails_leaves_the_last_answer_in_force(self):
        done = answered(leads_to(SEVEN, run="r1"), asked=self.ASKED).status
        failed = answered(failure_of("ModelFetchFailed"), done, after(300), self.ASKED)
        assert (failed.uri, failed.status.provenance.run) == (SEVEN, "r1")
        assert (failed.status.failure.reason, failed.requeue_after) == ("ModelFetchFailed", 10)

    def test_follows_the_spec_at_once(self):
        done = answered(leads_to(SEVEN), asked=self.ASKED).status
        sooner = look(done, now=after(20), asked=request(refresh="1m"))
        assert (sooner.requeue_after, sooner.status.next_check) == (40, after(60))
        assert look(done, now=after(20)).status.next_check is None

    def test_is_no_tight_loop(self):
        assert request(refresh="0s").refresh == Settings().shortest_refresh == 60
        assert request(refresh="90s").refresh == 90

    def test_is_not_put_off_by_a_clock_that_was_set_back(self):
        done = answered(leads_to(SEVEN), asked=self.ASKED).status
        assert look(done, now=after(-86400), asked=self.ASKED).job


class TestMadeFrom:
    def test_the_users_words_come_first(self):
        registry = ResolutionStatus(
            id="1", uri=CHAMPION, resolved_uri=SEVEN, provenance=ObservedProvenance(run="r1", commit="theirs")
        )
        found = made_from(Provenance(commit="mine", dataset="mnist"), registry)
        assert found == ObservedProvenance(run="r1", commit="mine", dataset="mnist", resolved_uri=SEVEN)

    def test_nothing_is_known_of_what_nobody_tells(self):
        assert made_from(None, None) == ObservedProvenance()


class TestPlan:
    def test_an_alias_and_the_version_behind_it_are_one_revision(self):
        alias = with_resolved_uri(read_plan(METADATA, {"model": {"uri": CHAMPION, "refresh": "5m"}}, Settings()), SEVEN)
        fixed = with_resolved_uri(read_plan(METADATA, {"model": {"uri": SEVEN}}, Settings()), SEVEN)
        assert alias.revision == fixed.revision == read_plan(METADATA, {"model": {"uri": SEVEN}}, Settings()).revision
        assert (
            alias.revision
            != with_resolved_uri(
                read_plan(METADATA, {"model": {"uri": CHAMPION}}, Settings()), "models:/digits/8"
            ).revision
        )

    def test_the_registrys_version_is_the_label_where_the_user_gives_none(self):
        assert (
            with_resolved_uri(read_plan(METADATA, {"model": {"uri": CHAMPION}}, Settings()), SEVEN).model.version == "7"
        )
        named = with_resolved_uri(read_plan(METADATA, {"model": {"uri": CHAMPION, "version": "x"}}, Settings()), SEVEN)
        assert named.model.version == "x"
        assert plan_of({"model": {"uri": "hf://owner/model"}}).model.version is None
