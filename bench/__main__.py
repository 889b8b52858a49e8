"""Run with `make bench`: prints a table of what N ModelDeployments cost."""

import argparse
import tempfile
from pathlib import Path

from bench.measurement import measure
from bench.table import table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("-n", type=int, default=1000, help="how many ModelDeployments at once (default: 1000)")
    parser.add_argument("--single", type=int, default=100, help="how many more, one at a time (default: 100)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nereid-bench-") as folder:
        print(table(measure(Path(folder), options.n, options.single)))  # noqa: T201


main()
