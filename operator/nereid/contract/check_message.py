"""The termination message of both containers of a check Job: the outcome, within the bytes that the kubelet keeps."""

from collections.abc import Callable, Sequence

from nereid.contract.check_job import MAX_OUTCOME_BYTES, CheckOutcome, JobOutcome


def results_message(results: Sequence[CheckOutcome]) -> str:
    """Return the results as JSON; if they do not fit, the longest messages are cut to one length."""
    return _fitting(lambda longest: JobOutcome(results=[_shortened(result, longest) for result in results]))


def failure_message(sentence: str) -> str:
    """Return why the checks could not be run, as JSON, cut if it does not fit."""
    return _fitting(lambda longest: JobOutcome(failure=_cut(sentence, longest)))


def _fitting(outcome: Callable[[int], JobOutcome]) -> str:
    """Return the longest message that fits, by a binary search for the length of its sentences."""
    fits, too_long = 0, MAX_OUTCOME_BYTES
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if len(_encoded(outcome(middle))) <= MAX_OUTCOME_BYTES:
            fits = middle
        else:
            too_long = middle
    return _encoded(outcome(fits)).decode()


def _encoded(outcome: JobOutcome) -> bytes:
    return outcome.model_dump_json(exclude_none=True).encode()


def _shortened(result: CheckOutcome, longest: int) -> CheckOutcome:
    return result.model_copy(update={"message": _cut(result.message, longest)})


def _cut(sentence: str, longest: int) -> str:
    folded = " ".join(sentence.split())
    return folded if len(folded) <= longest else f"{folded[: max(0, longest - 1)]}…"
