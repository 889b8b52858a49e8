"""k6 as a load generator: a script sends requests of KServe's protocol, made from the model's own metadata.

It needs nothing but k6's public image. `k6.js` beside this file is the script; it excludes the warm-up itself, and
counts what is answered between two moments, so that the figures are those of a steady load.
"""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from nereid.cli.tune.generator import FILES, REPORT, Exercise
from nereid.cli.tune.load import GeneratorError, Load
from nereid.contract.sentence import last_line

IMAGE: Final = "docker.io/grafana/k6:1.8.1"
_SCRIPT: Final = "k6.js"
_INPUT: Final = "input.json"


@dataclass(frozen=True, slots=True)
class K6:
    """k6; `request` is the body of the requests, and None lets the script generate one."""

    image: str = IMAGE
    request: str | None = None

    def files(self) -> dict[str, str]:
        """Return the script, and the request where one is given."""
        script = files(__package__).joinpath(_SCRIPT).read_text()
        return {_SCRIPT: script, **({_INPUT: self.request} if self.request is not None else {})}

    def container(self, exercise: Exercise) -> dict[str, Any]:
        """Return what the container runs."""
        environment = {
            "TARGET": f"http://{exercise.target}",
            "MODEL": exercise.model,
            "CONCURRENCY": str(exercise.concurrency),
            "WARM_UP_SECONDS": f"{exercise.warm_up:g}",
            "SECONDS": f"{exercise.seconds:g}",
            "REPORT": str(REPORT),
            "SHAPES": json.dumps(exercise.shapes),
            "K6_NO_USAGE_REPORT": "true",
            **({"INPUT": str(FILES / _INPUT)} if self.request is not None else {}),
        }
        return {
            "args": ["run", "--quiet", "--log-format=json", str(FILES / _SCRIPT)],
            "env": [{"name": name, "value": value} for name, value in environment.items()],
        }

    def read(self, report: str, concurrency: int) -> Load:
        """Read the figures that the script's summary wrote."""
        try:
            figures = json.loads(report)
            answers, failures = int(figures["answers"]), int(figures["failures"])
            return Load(
                concurrency=concurrency,
                throughput=float(figures["predictions"]) / float(figures["seconds"]),
                p50=float(figures["p50"]),
                p99=float(figures["p99"]),
                failures=failures / (answers + failures),
            )
        except (ValueError, KeyError, TypeError, ZeroDivisionError) as error:
            raise GeneratorError(f"the report of k6 cannot be read: {report[:200]!r}") from error

    def cause(self, log: str) -> str:
        """Return the last error of its log, which has a line of JSON for each message."""
        for line in reversed(log.splitlines()):
            try:
                message = str(json.loads(line)["msg"])
            except (ValueError, KeyError, TypeError):
                continue
            return message.partition("\n\tat ")[0].removeprefix("Error: ")
        return last_line(log)
