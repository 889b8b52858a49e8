"""Numbers of attempts: none is used twice, so that an old command never acts on a later rollout of its revision."""

from dataclasses import dataclass, replace
from typing import Final

from nereid.api.status import AttemptStatus, RolloutStatus

# More revisions than anybody tries by turns; status stays small.
_REMEMBERED: Final = 30


@dataclass(frozen=True, slots=True)
class Attempts:
    """The last attempt of each revision that was tried lately, oldest first; `forgotten` is the highest of all others.

    A revision that is no longer remembered may have had any number up to `forgotten`: its next attempt is a higher one.
    """

    last: tuple[tuple[str, int], ...] = ()
    forgotten: int = 0

    @classmethod
    def from_status(cls, rollout: RolloutStatus, candidate: str | None) -> "Attempts":
        """Read them back from status; an earlier operator wrote only those of the candidate and of the last failure."""
        attempts = cls(tuple((one.revision, one.attempt) for one in rollout.attempts), rollout.forgotten_attempts or 0)
        failed = rollout.failed
        known = ((failed.revision, failed.attempt) if failed else None, (candidate, rollout.attempt))
        for revision, attempt in (one for one in known if one):
            if revision and attempts.of(revision) < attempt:
                attempts = attempts.with_attempt(revision, attempt)
        return attempts

    def to_status(self) -> list[AttemptStatus]:
        """Return their form in status."""
        return [AttemptStatus(revision=revision, attempt=attempt) for revision, attempt in self.last]

    def of(self, revision: str) -> int:
        """Return the highest number that an attempt at a revision may have had; 0 if there was none."""
        return dict(self.last).get(revision, self.forgotten)

    def with_attempt(self, revision: str, attempt: int) -> "Attempts":
        """Return the numbers after another attempt at a revision."""
        last = (*(entry for entry in self.last if entry[0] != revision), (revision, attempt))
        dropped, kept = last[:-_REMEMBERED], last[-_REMEMBERED:]
        return replace(self, last=kept, forgotten=max(self.forgotten, *(number for _, number in dropped), 0))


NO_ATTEMPTS: Final = Attempts()
