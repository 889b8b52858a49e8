"""Why a model did not load, from the end of Triton's log (in the format of Triton 2.51)."""

import re
from collections.abc import Sequence
from typing import Final

# Triton's table of models: `| digits | 1 | UNAVAILABLE: Internal: … |`, a long status continuing in further rows.
_UNAVAILABLE_ROW: Final = re.compile(r"^\|[^|]*\|[^|]*\|\s*UNAVAILABLE: (?P<cause>.*?)\s*\|\s*$")
_CONTINUED_ROW: Final = re.compile(r"^\|\s*\|\s*\|\s*(?P<cause>.*?)\s*\|\s*$")
_FAILED_TO_LOAD: Final = (
    re.compile(r"failed to load '[^']*' version \d+: (?P<cause>.+)$"),
    re.compile(r"(?P<cause>Error parsing text-format inference\.ModelConfig: .+)$"),
    re.compile(r"(?P<cause>(?:failed to load model|Poll failed for model directory) '[^']*': .+)$"),
    re.compile(r"^error: creating server: (?P<cause>.+)$"),
)
# A Python backend's cause ends with its traceback, in one line as Triton logs it.
_TRACEBACK: Final = "\\n\\nAt:"


def load_failure(log: str) -> str | None:
    """Find in the end of Triton's log why a model did not load; None if it is not there.

    The cause is in the table of models as `UNAVAILABLE: CAUSE`, in the line `failed to load '…' version …: CAUSE`, or
    in a line that says less if a configuration or the repository is at fault. Other errors in the log, such as that
    there is no GPU, do not keep a model from loading.
    """
    lines = log.splitlines()
    for number, line in enumerate(lines):
        if match := _UNAVAILABLE_ROW.match(line):
            return " ".join([match["cause"], *_continuation(lines[number + 1 :])])
    for pattern in _FAILED_TO_LOAD:
        for line in lines:
            if match := pattern.search(line):
                return match["cause"].partition(_TRACEBACK)[0].removesuffix('"')
    return None


def _continuation(rows: Sequence[str]) -> list[str]:
    causes = []
    for row in rows:
        match = _CONTINUED_ROW.match(row)
        if match is None or match["cause"] == "At:":
            break
        causes.append(match["cause"])
    return causes
