"""What each revision was made from: in status, in labels, as events; and what conditions say of a model's source."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.support.scenario import NOW, SETTINGS, plan_of, rollout

from nereid.api.names import ANNOTATION_DESIRED_HASH
from nereid.api.provenance import ObservedProvenance, Provenance
from nereid.api.status import ModelDeploymentStatus, ResolutionFailure, ResolutionStatus
from nereid.contract.model_job import ModelJobAnswer
from nereid.controller.build.metadata import child
from nereid.controller.build.provenance import labelled, provenance_labels, with_labels
from nereid.controller.build.revision import new_record
from nereid.controller.decide.source.resolution import ModelJob, Resolution
from nereid.controller.decide.source.tagging import Tagging
from nereid.controller.observed.authors import Author
from nereid.controller.observed.facts import Observed, PodFacts, Problem, RevisionObserved
from nereid.controller.plan.plan import held_at
from nereid.controller.plan.reading import read_plan
from nereid.controller.plan.revision_content import with_resolved_uri
from nereid.controller.report.conditions import ReportInput, with_apply_problems
from nereid.controller.report.events import condition_events, created_events, problem_event
from nereid.controller.report.memory import problem_of
from nereid.controller.report.source import model_resolved, registry_tagged
from nereid.controller.report.status import invalid, report, to_json, unresolved
from nereid.controller.report.verdict import condition

ALIAS, SEVEN = "models:/digits@champion", "models:/digits/7"
KNOWN = ResolutionStatus(
    id="1",
    uri=ALIAS,
    resolved_uri=SEVEN,
    resolved_at=NOW,
    checked_at=NOW,
    provenance=ObservedProvenance(run="r1", dataset="mnist"),
)
UNKNOWN = ResolutionStatus(id="2", uri=ALIAS)
NOT_FOUND = ResolutionFailure(reason="ModelNotFound", message="there is no alias champion.")
ARGO = Author("argocd", "2026-11-20T11:00:00Z")
ONE, OTHER = (f"sha256:{digit * 64}" for digit in "ab")
SERVING = rollout().stable("a").served("a")
CANARY = rollout().stable("a").served("a").candidate("b", weight=20).holding(5)


def picture_of(scenario, *, author: Author | None = ARGO, **model: object) -> ReportInput:
    asked = plan_of({"model": {"uri": ALIAS, **model}}).model
    plan = replace(scenario.specified, model=asked)
    return replace(scenario.report_input(), plan=plan, resolution=Resolution(KNOWN), author=author)


def reported(report_input: ReportInput, previous: ModelDeploymentStatus | None = None) -> ModelDeploymentStatus:
    return report(report_input, {}, "", previous or ModelDeploymentStatus(), NOW)


def fetched(observed: Observed, revision: str, *digests: str) -> Observed:
    pods = [PodFacts(f"p{number}", ready=True, problem=None, digest=one) for number, one in enumerate(digests)]
    seen = replace(observed.of(revision), pods=pods)
    return replace(observed, revisions={**observed.revisions, revision: seen})


class TestStatus:
    def test_tells_what_user_and_registry_say_and_who_applied_it(self):
        status = reported(picture_of(SERVING, provenance={"commit": "abc"}))
        assert status.stable.provenance == ObservedProvenance(
            commit="abc",
            run="r1",
            dataset="mnist",
            resolved_uri=SEVEN,
            applied_by="argocd",
            applied_at="2026-11-20T11:00:00Z",
        )
        assert status.history[0].provenance == status.stable.provenance
        assert status.resolution == KNOWN

    def test_keeps_what_was_known_of_revisions_that_the_spec_no_longer_asks_for(self):
        before = reported(picture_of(SERVING))
        status = reported(picture_of(CANARY, provenance={"commit": "new"}), before)
        assert status.stable.provenance == before.stable.provenance
        assert status.history[0].provenance == before.stable.provenance
        assert status.candidate.provenance.commit == "new"

    def test_keeps_who_applied_a_revision_when_only_other_fields_change(self):
        before = reported(picture_of(SERVING))
        later = picture_of(SERVING, author=Author("kubectl", "2026-11-20T11:30:00Z"))
        assert reported(later, before).stable.provenance == before.stable.provenance

    def test_tells_who_applied_a_revision_again(self):
        before = reported(picture_of(SERVING))
        returned = before.model_copy(update={"stable": None, "candidate": None})
        later = picture_of(SERVING, author=Author("kubectl", "2026-11-20T11:30:00Z"))
        assert reported(later, returned).stable.provenance.applied_by == "kubectl"

    def test_keeps_the_digest_of_the_first_pods(self):
        first = picture_of(SERVING)
        first = replace(first, observed=fetched(first.observed, "a", ONE))
        before = reported(first)
        assert before.stable.provenance.digest == ONE
        without_pods = replace(first, observed=fetched(first.observed, "a"))
        assert reported(without_pods, before).stable.provenance.digest == ONE

    def test_is_without_provenance_where_nothing_is_known(self):
        status = to_json(SERVING.report())
        assert "provenance" not in status["stable"]
        assert "provenance" not in status["history"][0]

    def test_keeps_the_registrys_words_for_a_version_that_serves_until_it_is_asked_again(self):
        before = reported(picture_of(SERVING))
        fixed = Resolution(ResolutionStatus(id="3", uri=SEVEN, resolved_uri=SEVEN))
        status = reported(replace(picture_of(SERVING, uri=SEVEN), resolution=fixed), before)
        assert status.stable.provenance.run == "r1"


class TestModelChanged:
    def test_pods_that_differ_are_told_of(self):
        report_input = picture_of(SERVING)
        status = reported(replace(report_input, observed=fetched(report_input.observed, "a", ONE, OTHER)))
        told = condition(status, "ModelChanged")
        assert (told.status, told.reason) == ("True", "DigestsDiffer")
        assert ONE in told.message
        assert OTHER in told.message
        assert [event.reason for event in condition_events(ModelDeploymentStatus(), status)] == ["ModelChanged"]
        assert condition_events(status, status) == ()

    def test_so_is_one_that_differs_from_those_before(self):
        report_input = picture_of(SERVING)
        before = reported(replace(report_input, observed=fetched(report_input.observed, "a", ONE)))
        status = reported(replace(report_input, observed=fetched(report_input.observed, "a", OTHER)), before)
        assert condition(before, "ModelChanged") is None
        assert condition(status, "ModelChanged")
        assert status.stable.provenance.digest == ONE


class TestModelResolved:
    def test_resolved(self):
        told = model_resolved(Resolution(KNOWN))
        assert (told.status, told.reason, told.message) == ("True", "Resolved", f"{ALIAS} leads to {SEVEN}")
        fixed = KNOWN.model_copy(update={"uri": SEVEN})
        assert model_resolved(Resolution(fixed)).message == f"{SEVEN} names a version that never changes"

    def test_resolving(self):
        told = model_resolved(Resolution(UNKNOWN, why_not_running="no such image"))
        assert (told.status, told.reason) == ("Unknown", "ResolvingModel")
        assert told.message == f"{ALIAS} is being resolved: no such image"

    def test_not_resolved(self):
        failed = UNKNOWN.model_copy(update={"failure": NOT_FOUND, "next_check": NOW + timedelta(seconds=10)})
        told = model_resolved(Resolution(failed))
        assert (told.status, told.reason) == ("False", "ModelNotFound")
        assert told.message == (
            f"{ALIAS} cannot be resolved: there is no alias champion; the next attempt is at 2026-11-20T12:00:10Z"
        )

    def test_refresh_failed(self):
        failed = KNOWN.model_copy(update={"failure": NOT_FOUND, "next_check": NOW})
        told = model_resolved(Resolution(failed))
        assert (told.status, told.reason) == ("False", "RefreshFailed")
        assert f"{SEVEN} is still used (ModelNotFound)" in told.message


class TestRefusedJobs:
    REFUSAL = Problem("ChildRejected", "exceeded quota: jobs")

    def test_leave_the_reference_in_force(self):
        report_input = picture_of(SERVING)
        due = replace(report_input, resolution=Resolution(KNOWN, ModelJob("resolve", "1-0", ALIAS)))
        status = reported(with_apply_problems(due, [self.REFUSAL]))
        told = condition(status, "ModelResolved")
        assert (told.status, told.reason) == ("False", "RefreshFailed")
        assert told.message.endswith(f"{SEVEN} is still used: exceeded quota: jobs")
        assert condition(status, "Ready").status == "True"

    def test_leave_the_registry_without_word(self):
        waiting = replace(picture_of(SERVING), tagging=Tagging(None, (ModelJob("tag", "tag-0-1", SEVEN),)))
        status = reported(with_apply_problems(waiting, [self.REFUSAL]))
        assert condition(status, "RegistryTagged").reason == "ChildRejected"
        assert condition(status, "Ready").status == "True"

    def test_are_of_no_account_where_there_are_none(self):
        report_input = picture_of(SERVING)
        assert with_apply_problems(report_input, []) == report_input


class TestUnresolved:
    def test_first(self):
        status = unresolved(Resolution(UNKNOWN), 1, ModelDeploymentStatus(), NOW)
        assert status.phase == "Pending"
        failed = Resolution(UNKNOWN.model_copy(update={"failure": NOT_FOUND}))
        later = unresolved(failed, 1, status, NOW)
        assert later.phase == "Failed"
        assert [event.reason for event in condition_events(status, later)] == ["ModelNotFound"]

    def test_job_that_is_refused(self):
        status = unresolved(
            Resolution(UNKNOWN, apply_problem=Problem("ChildRejected", "exceeded quota")),
            1,
            ModelDeploymentStatus(),
            NOW,
        )
        assert condition(status, "Ready").message == "exceeded quota"

    def test_a_spec_that_was_invalid_is_valid_again(self):
        before = invalid("no", 1, ModelDeploymentStatus(), NOW)
        assert condition(unresolved(Resolution(UNKNOWN), 2, before, NOW), "SpecValid").status == "True"


class TestRegistryTagged:
    JOB = ModelJob("tag", "tag-0-2", SEVEN)

    def told(self, tagging: Tagging, previous: ModelDeploymentStatus | None = None) -> tuple[str, str]:
        told = registry_tagged(tagging, problem_of(previous, "Registry") if previous else None)
        return told.status, told.reason

    def test_verdicts(self):
        assert self.told(Tagging("a")) == ("True", "Tagged")
        assert self.told(Tagging(None)) == ("Unknown", "NothingServes")
        assert self.told(Tagging(None, (self.JOB,))) == ("Unknown", "Tagging")
        assert self.told(Tagging(None, (self.JOB,), NOT_FOUND)) == ("False", "ModelNotFound")

    def test_failure_stays_told_while_it_is_tried_again(self):
        failed = reported(replace(picture_of(SERVING), tagging=Tagging(None, (self.JOB,), NOT_FOUND)))
        again = Tagging(None, (self.JOB,), is_retry=True)
        assert self.told(again, failed) == ("False", "ModelNotFound")
        assert [event.reason for event in condition_events(ModelDeploymentStatus(), failed)] == ["RegistryNotTagged"]

    def test_what_was_told_is_kept(self):
        assert reported(replace(picture_of(SERVING), tagging=Tagging("a"))).resolution.tagged == "a"


class TestEvents:
    def test_a_new_revision_is_told_with_its_origin(self):
        scenario = rollout().stable("a").served("a").wanting("b")
        spec = {"model": {"uri": ALIAS, "provenance": {"commit": "abc", "datasetVersion": "3"}}}
        planned = with_resolved_uri(
            read_plan({"namespace": "models", "name": "digits", "uid": "1f7c"}, spec, SETTINGS), SEVEN
        )
        report_input = replace(
            scenario.report_input(),
            plan=replace(scenario.specified, model=planned.model, model_uri=SEVEN),
            resolution=Resolution(KNOWN),
        )
        [event] = created_events(report_input, None)
        assert event.message == (f"Revision b is {SEVEN} ({ALIAS}), version 7, commit abc, data set mnist 3, run r1")
        assert created_events(report_input, "b") == ()

    def test_the_secrets_of_a_signed_url_are_not_told(self):
        scenario = rollout().stable("a").served("a").wanting("b")
        signed = "https://store.example.com/m.onnx?X-Signature=secret"
        model = scenario.specified.model.model_copy(update={"uri": signed})
        report_input = replace(scenario.report_input(), plan=replace(scenario.specified, model=model, model_uri=signed))
        [event] = created_events(report_input, None)
        assert "https://store.example.com/m.onnx" in event.message
        assert "secret" not in event.message

    def test_one_that_was_there_before_is_not(self):
        report_input = replace(
            rollout().stable("a").served("a", "b").wanting("b").report_input(), resolution=Resolution(KNOWN)
        )
        assert created_events(report_input, None) == ()

    def test_a_reference_that_moved(self):
        before = ModelDeploymentStatus(resolution=KNOWN)
        after = ModelDeploymentStatus(resolution=KNOWN.model_copy(update={"resolved_uri": "models:/digits/8"}))
        [event] = condition_events(before, after)
        assert (event.reason, event.type) == ("ModelMoved", "Normal")
        assert condition_events(after, after) == ()


class TestLabels:
    def test_what_is_short_enough(self):
        found = provenance_labels(
            Provenance(commit="0123456789abcdef", dataset="mnist train", dataset_version="v3", run="r" * 64)
        )
        assert dict(found) == {"nereid.dev/commit": "0123456789ab", "nereid.dev/dataset-version": "v3"}

    def test_they_are_on_no_pod(self):
        owner = plan_of().owner
        body: dict[str, Any] = {"spec": {"template": {"metadata": {"labels": {}}}}}
        bare = child("apps/v1", "Deployment", "d", owner, {}, body)
        found = labelled(bare, (("nereid.dev/commit", "abc"),))
        assert found["metadata"]["labels"]["nereid.dev/commit"] == "abc"
        assert found["spec"] == bare["spec"]
        stamps = [one["metadata"]["annotations"][ANNOTATION_DESIRED_HASH] for one in (bare, found)]
        assert stamps[0] != stamps[1]
        assert labelled(bare, ()) == bare
        route = child("networking.istio.io/v1", "VirtualService", "d", owner, {}, {})
        assert labelled(route, (("nereid.dev/commit", "abc"),)) == route

    def test_they_follow_the_spec_for_its_own_revision_alone(self):
        wanted = plan_of({"model": {"uri": ALIAS, "provenance": {"commit": "new"}}})
        old = (("nereid.dev/commit", "old"),)
        records = {
            wanted.revision: replace(new_record(wanted), provenance_labels=old),
            "other": replace(new_record(wanted), revision="other", provenance_labels=old),
        }
        found = with_labels(records, wanted, None)
        assert dict(found[wanted.revision].provenance_labels) == {"nereid.dev/commit": "new"}
        assert found["other"].provenance_labels == old

    def test_they_stay_until_the_registry_was_asked_again(self):
        wanted = plan_of({"model": {"uri": SEVEN}})
        records = {wanted.revision: replace(new_record(wanted), provenance_labels=(("nereid.dev/run", "r1"),))}
        waiting = Resolution(ResolutionStatus(id="3", uri=SEVEN, resolved_uri=SEVEN))
        assert with_labels(records, wanted, waiting) == records


def test_an_answer_without_provenance_is_read():
    assert ModelJobAnswer.model_validate({"uri": SEVEN}).provenance is None


def test_what_pods_fetched_is_told_once():
    pods = [PodFacts(name, ready=True, problem=None, digest=digest) for name, digest in (("a", ONE), ("b", ONE))]
    assert RevisionObserved(pods=pods).digests == (ONE,)


class TestHeld:
    """It is not known which revision is asked for; another goes on in its place."""

    WAITING = Resolution(UNKNOWN)
    REFUSED = Resolution(UNKNOWN, apply_problem=Problem("ChildRejected", "exceeded quota"))

    def held(self, scenario, resolution: Resolution | None = None, refusal: str | None = None) -> ReportInput:
        asked = scenario.specified
        plan = held_at(asked, asked.revision, "digits", refusal)
        return replace(picture_of(scenario), plan=plan, resolution=resolution)

    def test_nothing_is_said_to_have_passed(self):
        for scenario in (SERVING, SERVING.failed("b"), CANARY):
            status = reported(self.held(scenario, self.WAITING))
            told = condition(status, "RolloutPassed")
            assert (told.status, told.reason) == ("Unknown", "ResolvingModel")

    def test_a_child_that_is_refused_is_the_first_thing_to_look_at(self):
        problem = Problem("ChildRejected", "exceeded quota: pods")
        report_input = replace(self.held(SERVING, self.WAITING), problems=(problem,))
        status = reported(report_input)
        assert condition(status, "Ready").message == problem.message
        assert problem_event(report_input, reported(self.held(SERVING, self.WAITING))) == problem
        assert problem_event(report_input, status) is None

    def test_no_event_tells_of_pods_as_no_condition_would_remember_it(self):
        ill = self.held(CANARY.pod_problem("b", "ImagePullFailed"), self.WAITING)
        assert problem_event(ill, reported(ill)) is None

    def test_by_a_job_that_is_refused(self):
        status = reported(self.held(SERVING, self.REFUSED))
        assert condition(status, "Ready").message == condition(status, "ModelResolved").message == "exceeded quota"

    def test_by_a_spec_that_is_refused(self):
        status = reported(self.held(CANARY, Resolution(KNOWN), "spec.model.config: no such field"))
        for kind, value in (("Ready", "False"), ("SpecValid", "False"), ("RolloutPassed", "Unknown")):
            told = condition(status, kind)
            assert (told.status, told.reason) == (value, "InvalidSpec")
            assert told.message == "spec.model.config: no such field"
        assert status.candidate.revision == "b"
        assert status.resolution == KNOWN

    def test_the_labels_of_what_goes_on_stay(self):
        report_input = self.held(SERVING, None, "no")
        record = new_record(plan_of())
        kept = with_labels({report_input.plan.revision: record}, report_input.plan, None)
        assert kept == {report_input.plan.revision: record}
