"""Which of Triton's counters tell of requests and of failures, and of which model. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

SUCCESSES: Final = "nv_inference_request_success"
FAILURES: Final = "nv_inference_request_failure"

_CANCELED: Final = "CANCELED"
_Counter = TypeVar("_Counter")


def of_model(
    counters: Iterable[_Counter], labels: Callable[[_Counter], Mapping[str, str]], model: str
) -> Sequence[_Counter]:
    """Return the counters of the model that clients ask for; of all models where none has its name.

    A ready repository may serve its models under names of their own; and an ensemble's members would count double.
    """
    every = list(counters)
    named = [counter for counter in every if labels(counter).get("model") == model]
    return named or every


def is_error(metric: str, labels: Mapping[str, str]) -> bool:
    """Whether the counter counts failures of the model; a request that its client cancelled is none."""
    return metric == FAILURES and labels.get("reason") != _CANCELED
