"""NVIDIA's perf_analyzer as a load generator: command line and CSV as its documentation has them.

It was not run in Nereid's own tests, as it comes in NVIDIA's SDK image alone (the package of that name on PyPI is
empty): these hold the command line and the reading of its documented CSV. It measures windows of a third of the
seconds until three of them agree, and at most five; the first one or two are warm-up thereby.
"""

import csv
import io
from dataclasses import dataclass
from typing import Any, Final

from nereid.cli.tune.generator import FILES, REPORT, Exercise
from nereid.cli.tune.load import GeneratorError, Load
from nereid.contract.sentence import last_line

IMAGE: Final = "nvcr.io/nvidia/tritonserver:25.08-py3-sdk"
_INPUT: Final = "input.json"
_WINDOWS: Final = 3
_MOST_WINDOWS: Final = 5
_MICROSECONDS: Final = 1_000_000
# What it says goes to the container's log only when it fails, where the kubelet takes the end of it for the report.
_RUN: Final = f"""
if perf_analyzer "$@" -f /tmp/report.csv > /tmp/output 2>&1
then cat /tmp/report.csv > {REPORT}
else tail -c 2000 /tmp/output; exit 1
fi
"""


@dataclass(frozen=True, slots=True)
class PerfAnalyzer:
    """perf_analyzer; `data` is the text of its own JSON of input data, and None lets it make up random data."""

    image: str = IMAGE
    data: str | None = None

    def files(self) -> dict[str, str]:
        """Return the input data, where it is given."""
        return {_INPUT: self.data} if self.data is not None else {}

    def container(self, exercise: Exercise) -> dict[str, Any]:
        """Return what the container runs."""
        arguments = [
            "-m",
            exercise.model,
            "-i",
            "http",
            "-u",
            exercise.target,
            f"--concurrency-range={exercise.concurrency}:{exercise.concurrency}:1",
            f"--measurement-interval={round(1000 * exercise.seconds / _WINDOWS)}",
            f"--max-trials={_MOST_WINDOWS}",
            "--percentile=99",
            *([f"--input-data={FILES / _INPUT}"] if self.data is not None else []),
            *(f"--shape={name}:{','.join(map(str, sizes))}" for name, sizes in exercise.shapes.items()),
        ]
        return {"command": ["/bin/sh", "-c", _RUN, "perf_analyzer"], "args": arguments}

    def read(self, report: str, concurrency: int) -> Load:
        """Read its CSV: a line for each concurrency, latencies in microseconds."""
        for row in csv.DictReader(io.StringIO(report)):
            try:
                if int(row["Concurrency"]) == concurrency:
                    return Load(
                        concurrency=concurrency,
                        throughput=float(row["Inferences/Second"]),
                        p50=float(row["p50 latency"]) / _MICROSECONDS,
                        p99=float(row["p99 latency"]) / _MICROSECONDS,
                    )
            except (KeyError, ValueError, TypeError) as error:
                raise GeneratorError(f"a line of perf_analyzer's CSV cannot be read: {row}") from error
        raise GeneratorError(f"perf_analyzer's CSV has no line of concurrency {concurrency}: {report[:200]!r}")

    def cause(self, log: str) -> str:
        """Return the last line of its log that says anything."""
        return last_line(log)
