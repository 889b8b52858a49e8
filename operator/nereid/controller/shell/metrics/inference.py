"""Which of Triton's counters count requests and failures, and of which model. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

SUCCESSES: Final = "nv_inference_request_success"
FAILURES: Final = "nv_inference_request_failure"

_CANCELED: Final = "CANCELED"
_Counter = TypeVar("_Counter")


def of_model(
    counters: Iterable[_Counter], labels: Callable[[_Counter], Mapping[str, str]], model: str
) -> Sequence[_Counter]:
    """Return the counters of the model that clients request; of all models if none has its name.

    A ready repository may serve its models under names of its own, and an ensemble's members would be counted twice.
    """
    all_counters = list(counters)
    counters_of_model = [counter for counter in all_counters if labels(counter).get("model") == model]
    return counters_of_model or all_counters


def is_error(metric: str, labels: Mapping[str, str]) -> bool:
    """Whether the counter counts failures of the model; a request that its client cancelled is not a failure."""
    return metric == FAILURES and labels.get("reason") != _CANCELED
