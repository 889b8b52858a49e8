"""The arguments of a server: the model's name in them, and those of Triton that Nereid does not set itself."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from nereid.cli.convert.findings import Findings
from nereid.cli.convert.part import Part
from nereid.cli.convert.server import Server

_SEPARATOR: Final = re.compile(r"[= ]")
_NAME: Final = frozenset({"--model-name", "--model_name"})
# Arguments of Triton that Nereid sets itself.
_OWN: Final = frozenset(
    {
        "--allow-grpc",
        "--allow-http",
        "--allow-metrics",
        "--exit-timeout-secs",
        "--grpc-port",
        "--http-port",
        "--metrics-port",
        "--model-repository",
        "--model-store",
    }
)
_TRITON: Final = "tritonserver"
_SHELLS: Final = frozenset({"ash", "bash", "dash", "sh", "zsh"})


def model_name(server: Part) -> str | None:
    """Return the model's name if the server's arguments contain it."""
    names = (" ".join(words) for flag, words in _options(server.take("args") or ()) if flag in _NAME)
    return next((parts[1] for text in names if len(parts := _SEPARATOR.split(text, maxsplit=1)) > 1), None)


def runtime_arguments(server: Server, findings: Findings) -> list[str]:
    """Return `spec.runtime.args`."""
    words = _triton_words(server.part, findings) if server.is_triton else server.part.take("args") or []
    without = _NAME | _OWN if server.is_triton else _NAME
    arguments = [word for flag, option in _options(words) if flag not in without for word in option]
    if arguments and not server.is_triton:
        findings.add_lost(
            server.part.path_of("args"), f"{' '.join(arguments)}: these arguments are of another server, not of Triton"
        )
        return []
    return arguments


def _triton_words(server: Part, findings: Findings) -> list[str]:
    """Return the words that follow `tritonserver` if a container's command and arguments start it."""
    command, words = server.take("command") or [], server.take("args") or []
    if _is_by_shell([*command, *words]):
        findings.add_lost(
            server.path_of("command" if command else "args"),
            "a shell starts Triton: write its arguments one by one in spec.runtime.args",
        )
        return []
    if command and _program(command[0]) != _TRITON:
        findings.add_lost(
            server.path_of("command"),
            f"{command[0]} is not {_TRITON}, which Nereid starts itself, without this command",
        )
    else:
        words = [*command, *words]
    return words[1:] if words and _program(words[0]) == _TRITON else words


def _is_by_shell(words: Sequence[str]) -> bool:
    lines = (word.split(maxsplit=1) for word in words)
    is_line = any(len(line) > 1 and _program(line[0]) == _TRITON for line in lines)
    return is_line or (bool(words) and _program(words[0]) in _SHELLS)


def _program(word: str) -> str:
    return PurePosixPath(word).name


def _options(words: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return each flag with the words that say it, of which the second is a value that stands alone.

    A word that belongs to no flag has an empty one.
    """
    options: list[tuple[str, list[str]]] = []
    is_bare = False
    for word in words:
        if is_bare and not word.startswith("--"):
            options[-1][1].append(word)
            is_bare = False
            continue
        flag = _SEPARATOR.split(word, maxsplit=1)[0] if word.startswith("--") else ""
        options.append((flag, [word]))
        is_bare = bool(flag) and flag == word
    return options
