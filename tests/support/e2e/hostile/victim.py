"""The victim: somebody else's model in the middle of a judged rollout, whose clients and verdict suffer nothing.

Its candidate waits at a gate and is judged all the time: it would be rolled back as soon as anything speaks against it.
"""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from digits.cluster import wait_for
from digits.model_deployment import ModelDeployment
from digits.traffic import Tally
from tests.support.e2e.case import Case
from tests.support.e2e.restarts import ended_since, restarts
from tests.support.e2e.rollouts import RATE, WAITS, judged, serve_first

# Within which the operator observes a change of a spec, whatever others do.
OBSERVED_SECONDS: Final = 10.0
_WEIGHT: Final = 20
_PROMETHEUS: Final = judged(steps=WAITS, analysis={"provider": "Prometheus"})
_BETWEEN_CHANGES_SECONDS: Final = 2.0
# How long a change that is late is waited for.
_LATE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.2
# So many changes are made after all that an attack does.
_CHANGES_AFTERWARDS: Final = 3
# Values of `spec.rollout.drain`: a change of it is one of the spec, and of nothing that the candidate goes through.
_DRAINS: Final = ("6s", "5s")


class Standing(NamedTuple):
    """How the victim's rollout stands."""

    state: str
    reason: str
    verdict: str
    attempt: int
    weight: int
    failed: str


_JUDGED: Final = Standing("Paused", "AwaitingPromotion", "Pass", 1, _WEIGHT, "")


@dataclass(frozen=True, slots=True)
class Victim:
    """The victim, in a namespace of its own."""

    case: Case

    @property
    def served(self) -> ModelDeployment:
        """Its ModelDeployment."""
        return ModelDeployment(self.case.cluster, self.case.namespace)

    @property
    def standing(self) -> Standing | None:
        """How its rollout stands; None if there is none."""
        status = self.served.manifest.get("status") or {}
        rollout = status.get("rollout")
        return _standing(status, rollout) if rollout else None

    @property
    def sampled_at(self) -> str:
        """The time up to which requests have been counted."""
        return str(self.served.manifest["status"]["rollout"]["analysis"]["sampledAt"])

    def service_of(self, role: str) -> str:
        """Return the name of the own Service of the `stable` or the `candidate` revision."""
        return f"{self.served.name}-{self.served.manifest['status'][role]['revision']}"

    def wait_for_looks(self, number: int) -> None:
        """Wait until the candidate has been judged anew so many times."""
        for _ in range(number):
            before = self.sampled_at
            wait_for("it is judged anew", lambda before=before: self.sampled_at != before, seconds=60)  # type: ignore[misc]

    def make_judged(self) -> None:
        """Have the rollout of version 2 at its gate, with a verdict that lets it pass; anew if it is not there."""
        if self.standing == _JUDGED:
            return
        case = self.case
        case.cluster.kubectl("delete", "mdep", self.served.name, "--ignore-not-found", namespace=case.namespace)
        served = serve_first(case, _PROMETHEUS)
        with case.traffic() as client:
            client.start(RATE)
            case.apply(version="2", rollout=_PROMETHEUS)
            served.wait_for("its candidate has passed", lambda _: self.standing == _JUDGED)

    def change_spec(self, drain: str) -> int:
        """Change the spec and return its generation."""
        patch = json.dumps({"spec": {"rollout": {"drain": drain}}})
        arguments = ("patch", "mdep", self.served.name, "--type=merge", f"--patch={patch}")
        return int(
            self.case.cluster.kubectl(
                *arguments, "--output=jsonpath={.metadata.generation}", namespace=self.case.namespace
            )
        )

    def observed_generation(self) -> int:
        """Return the generation that the operator has observed."""
        return int(self.served.manifest.get("status", {}).get("observedGeneration", 0))


@contextmanager
def unharmed(victim: Victim) -> Iterator[None]:
    """Let an attack happen in the context; raise AssertionError if it harmed the victim, the operator or the activator.

    The victim's clients send 50 requests a second meanwhile, and its spec changes every few seconds.
    """
    victim.make_judged()
    before = restarts(victim.case.cluster)
    with victim.case.traffic() as client, _Witness(victim) as witness:
        client.start(RATE)
        try:
            yield
            witness.wait_for_changes(_CHANGES_AFTERWARDS)
        except Exception as error:
            for one in _harm(victim, before, witness, client.tally()):
                error.add_note(one)
            raise
        total = client.stop()
    harm = _harm(victim, before, witness, total)
    assert not harm, "\n".join(harm)


def _harm(victim: Victim, before: dict[str, int], witness: "_Witness", total: Tally) -> list[str]:
    harm = ended_since(victim.case.cluster, before)
    if total.failed:
        harm.append(f"{total.failed} of the victim's {total.sent} requests failed: {total.failures()}")
    if set(witness.standings) - {_JUDGED}:
        harm.append(f"the victim's rollout went through {witness.standings}")
    if late := [seconds for seconds in witness.delays if seconds > OBSERVED_SECONDS]:
        harm.append(f"of {len(witness.delays)} changes of the victim's spec, {len(late)} were observed after {late} s")
    return [*harm, victim.served.describe()] if harm else []


def _standing(status: dict[str, Any], rollout: dict[str, Any]) -> Standing:
    return Standing(
        state=rollout.get("state", ""),
        reason=rollout.get("reason", ""),
        verdict=(rollout.get("analysis") or {}).get("verdict", ""),
        attempt=rollout.get("attempt", 0),
        weight=(status.get("candidate") or {}).get("weight", 0),
        failed=(rollout.get("failed") or {}).get("message", ""),
    )


@dataclass
class _Witness:
    """Changes the victim's spec again and again while its context lasts.

    delays: after how many seconds each change was observed. standings: how the rollout stood, each once in a row.
    """

    victim: Victim
    delays: list[float] = field(default_factory=list)
    standings: list[Standing | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._executor = ThreadPoolExecutor(1, "witness")

    def __enter__(self) -> Self:
        self._watching = self._executor.submit(self._watch)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._executor.shutdown()
        if error is None:
            self._watching.result()  # or what kept it from looking

    def wait_for_changes(self, number: int) -> None:
        """Wait until so many more changes have been observed, or are late."""
        enough = len(self.delays) + number
        wait_for(
            f"{number} changes more are observed",
            lambda: len(self.delays) >= enough or self._watching.done(),
            seconds=(number + 1) * (_LATE_SECONDS + _BETWEEN_CHANGES_SECONDS),
        )

    def _watch(self) -> None:
        for drain in itertools.cycle(_DRAINS):
            self.delays.append(self._seconds_until_observed(self.victim.change_spec(drain)))
            if self._over.wait(_BETWEEN_CHANGES_SECONDS):
                return

    def _seconds_until_observed(self, generation: int) -> float:
        began = time.monotonic()
        while time.monotonic() < began + _LATE_SECONDS:
            self._look()
            if self.victim.observed_generation() >= generation:
                break
            time.sleep(_LOOK_SECONDS)
        return time.monotonic() - began

    def _look(self) -> None:
        standing = self.victim.standing
        if not self.standings or standing != self.standings[-1]:
            self.standings.append(standing)
