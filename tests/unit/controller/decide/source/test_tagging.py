"""What the registry is told, and how often."""

from datetime import timedelta

from tests.support.scenario import NOW, plan_of

from nereid.api.status import ResolutionFailure, ServedRevision
from nereid.contract.model_job import ModelJobAnswer
from nereid.controller.decide.source.resolution import ModelJob
from nereid.controller.decide.source.tagging import Tagging, tagging
from nereid.controller.observed.model_jobs import ModelJobFacts

ASKED = plan_of({"model": {"uri": "models:/digits@champion", "tagRegistry": True}})
KEY = "nereid.dev/models.digits"
UNTIL = "2026-11-20T11:59:00Z"
ENDED = NOW - timedelta(seconds=60)
DENIED = ResolutionFailure(reason="ModelAccessDenied", message="the token may only read")


def served(revision: str, uri: str, *, is_over: bool = True) -> ServedRevision:
    until = ENDED if is_over else None
    return ServedRevision(revision=revision, version=revision, model_uri=uri, served_from=ENDED, served_until=until)


EIGHT = served("b", "models:/digits/8", is_over=False)
SEVEN = served("a", "models:/digits/7")
FIRST = [served("a", "models:/digits/7", is_over=False)]


def told(history, tagged, *facts: ModelJobFacts, seconds: float = 0) -> Tagging:
    found = tagging(ASKED.source, history, tagged, facts, NOW + timedelta(seconds=seconds))
    assert found
    return found


def ended(job: ModelJob, failure: ResolutionFailure | None = None) -> list[ModelJobFacts]:
    answer = ModelJobAnswer(failure=failure)
    return [ModelJobFacts(job.run, created=NOW), ModelJobFacts(job.run, answer=answer, failure=failure, is_over=True)]


def words(found: Tagging) -> dict[str, tuple[tuple[str, str], ...]]:
    return {job.uri: job.tags for job in found.jobs}


def test_nothing_is_told_where_nobody_asks():
    assert tagging(plan_of({"model": {"uri": "models:/digits/7"}}).source, FIRST, None, [], NOW) is None


def test_nothing_is_told_before_anything_serves():
    assert told([], None) == Tagging(None)


def test_a_revision_that_is_no_registered_version_is_not_told_of():
    assert told([served("a", "s3://models/digits", is_over=False)], None) == Tagging(None)


def test_the_first_revision_serves():
    assert words(told(FIRST, None)) == {"models:/digits/7": ((KEY, "serving"),)}


def test_once_told_nothing_more_is_done():
    [job] = told(FIRST, None).jobs
    assert told(FIRST, None, *ended(job)) == Tagging("a")
    assert told(FIRST, "a") == Tagging("a")


def test_the_one_before_has_served():
    found = told([EIGHT, SEVEN], "a")
    assert words(found) == {
        "models:/digits/8": ((KEY, "serving"),),
        "models:/digits/7": ((KEY, f"served until {UNTIL}"),),
    }


def test_all_words_are_said_before_it_is_done():
    first, second = told([EIGHT, SEVEN], "a").jobs
    half = told([EIGHT, SEVEN], "a", *ended(first))
    assert half.tagged == "a"
    assert half.jobs == (first, second), "the Job that is done is what remembers it"
    assert told([EIGHT, SEVEN], "a", *ended(first), *ended(second)) == Tagging("b")


def test_one_that_served_while_the_registry_was_not_reached_is_told_of_too():
    nine = served("c", "models:/digits/9", is_over=False)
    over = served("b", "models:/digits/8")
    assert set(words(told([nine, over, SEVEN], "a"))) == {f"models:/digits/{number}" for number in (7, 8, 9)}


def test_a_version_that_serves_in_another_revision_goes_on_serving():
    again = served("c", "models:/digits/7", is_over=False)
    assert words(told([again, SEVEN], "a")) == {"models:/digits/7": ((KEY, "serving"),)}


def test_a_failure_is_told_and_tried_again_later():
    [job] = told(FIRST, None).jobs
    failed = told(FIRST, None, *ended(job, DENIED), seconds=5)
    assert (failed.failure, failed.tagged, failed.jobs, failed.requeue_after) == (DENIED, None, (job,), 55)
    again = told(FIRST, None, *ended(job, DENIED), seconds=70)
    assert [one.run for one in again.jobs] == [job.run.replace("-1", "-2")]
    under_way = told(FIRST, None, ModelJobFacts(again.jobs[0].run, created=NOW + timedelta(seconds=70)), seconds=75)
    assert (under_way.jobs, under_way.is_retry, under_way.failure) == (again.jobs, True, None)
