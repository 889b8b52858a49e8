"""Why a model did not load, from the end of Triton's log (in the format of Triton 2.51).

The model can write into the log whatever it likes, so lines are looked through by `find` and `split`, each in one walk.
"""

from collections.abc import Sequence
from typing import Final

from nereid.contract.foreign_text import LOG_LINE_CHARACTERS, clipped_lines

# Triton's table of models: `| digits | 1 | UNAVAILABLE: Internal: … |`, a long status continuing in further rows.
_COLUMNS: Final = 3
_UNAVAILABLE: Final = "UNAVAILABLE: "
# The ways in which a line begins its cause; the last two are part of it.
_FAILED_TO_LOAD: Final = "failed to load '"
_VERSION: Final = "' version "
_CONFIGURATION: Final = "Error parsing text-format inference.ModelConfig: "
_NAMED: Final = ("failed to load model '", "Poll failed for model directory '")
_SERVER: Final = "error: creating server: "
# A Python backend's cause ends with its traceback, in one line as Triton logs it.
_TRACEBACK: Final = "\\n\\nAt:"
_AT: Final = "At:"
# A message shows no more of a cause.
_MOST_ROWS: Final = 50


def load_failure(log: str) -> str | None:
    """Find in the end of Triton's log why a model did not load; None if it is not there.

    The cause is in the table of models as `UNAVAILABLE: CAUSE`, in the line `failed to load '…' version …: CAUSE`, or
    in a line that says less if a configuration or the repository is at fault. Other errors in the log, such as that
    there is no GPU, do not keep a model from loading.
    """
    lines = list(clipped_lines(log))
    for number, line in enumerate(lines):
        status = _status(line)
        if status and status.startswith(_UNAVAILABLE):
            beginning = status.removeprefix(_UNAVAILABLE).strip()
            return " ".join([beginning, *_continuation(lines[number + 1 : number + 1 + _MOST_ROWS])])
    for cause_in in (_of_version, _of_configuration, _of_name, _of_server):
        if cause := next(filter(None, map(cause_in, lines)), None):
            return cause.partition(_TRACEBACK)[0].removesuffix('"')
    return None


def _cells(line: str) -> list[str]:
    """Return the cells of a row of the table of models; none if it is another line. The last may contain bars."""
    row = line.rstrip()
    is_whole = row.endswith("|") or len(line) >= LOG_LINE_CHARACTERS
    if not row.startswith("|") or not is_whole:
        return []
    cells = row.removesuffix("|")[1:].split("|", _COLUMNS - 1)
    return [cell.strip() for cell in cells] if len(cells) == _COLUMNS else []


def _status(line: str) -> str | None:
    cells = _cells(line)
    return cells[-1] if cells else None


def _continuation(rows: Sequence[str]) -> list[str]:
    causes = []
    for row in rows:
        cells = _cells(row)
        if not cells or cells[0] or cells[1] or cells[2] == _AT:
            break
        causes.append(cells[2])
    return causes


def _of_version(line: str) -> str | None:
    """Return CAUSE of `failed to load 'digits' version 1: CAUSE`."""
    _, is_there, rest = line.partition(_FAILED_TO_LOAD)
    number, colon, cause = rest.partition(_VERSION)[2].partition(": ")
    return cause if is_there and colon and number.isdecimal() else None


def _of_configuration(line: str) -> str | None:
    _, is_there, cause = line.partition(_CONFIGURATION)
    return f"{_CONFIGURATION}{cause}" if is_there and cause else None


def _of_name(line: str) -> str | None:
    """Return `failed to load model 'digits': CAUSE`, or the same of a folder that could not be read."""
    for beginning in _NAMED:
        _, is_there, rest = line.partition(beginning)
        if is_there and rest.partition("': ")[2]:
            return f"{beginning}{rest}"
    return None


def _of_server(line: str) -> str | None:
    return line.removeprefix(_SERVER) if line.startswith(_SERVER) and line != _SERVER else None
