"""What is remembered of pods' own counters from one sample to the next, within a bound."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from nereid.contract.foreign_text import METRICS_REMEMBERED_CHARACTERS

Key = tuple[str, str]
Readings = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PodCounters:
    """The values of a pod's counters at a sample, by series."""

    requests: Readings
    errors: Readings

    @property
    def characters(self) -> int:
        """How long the names of its series are together."""
        return sum(map(len, self.requests)) + sum(map(len, self.errors))


NOTHING: Final = PodCounters({}, {})


@dataclass(frozen=True, slots=True)
class RevisionCounters:
    """The counters of a revision's pods at a sample, by pod uid, and the uids of all pods that it had then."""

    by_pod: Mapping[str, PodCounters]
    pods: frozenset[str]

    def of_pod(self, uid: str) -> PodCounters | None:
        """Return a pod's counters; a pod that did not exist yet had counted nothing."""
        return self.by_pod.get(uid) or (None if uid in self.pods else NOTHING)


@dataclass(frozen=True, slots=True)
class LastSample:
    """The counters of a ModelDeployment's revisions at its last sample."""

    at: datetime
    revisions: Mapping[str, RevisionCounters]
    characters: int = field(init=False)

    def __post_init__(self) -> None:
        pods = (pod for revision in self.revisions.values() for pod in revision.by_pod.values())
        object.__setattr__(self, "characters", sum(pod.characters for pod in pods))


class LastSamples:
    """The last sample of each ModelDeployment, by namespace and name.

    Their series have names of at most METRICS_REMEMBERED_CHARACTERS together. Beyond it, the namespace that takes most
    loses its oldest samples: its next ones begin anew, and no other namespace's.
    """

    def __init__(self) -> None:
        self._samples: dict[Key, LastSample] = {}
        self._characters: Counter[str] = Counter()

    def get(self, key: Key) -> LastSample | None:
        """Return a ModelDeployment's last sample, or None if none is remembered."""
        return self._samples.get(key)

    def keep(self, key: Key, sample: LastSample) -> None:
        """Remember a ModelDeployment's sample instead of the one before."""
        self.forget(key)
        self._samples[key] = sample
        self._characters[key[0]] += sample.characters
        while self._characters.total() > METRICS_REMEMBERED_CHARACTERS:
            [(namespace, _)] = self._characters.most_common(1)
            self.forget(next(key for key in self._samples if key[0] == namespace))

    def forget(self, key: Key) -> None:
        """Forget a ModelDeployment's sample, if one is remembered."""
        sample = self._samples.pop(key, None)
        if sample is None:
            return
        self._characters[key[0]] -= sample.characters
        if not self._characters[key[0]]:
            del self._characters[key[0]]
