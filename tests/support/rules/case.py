"""One case of a rule: series go in, and at a moment the rule has fired, or recorded something, or has not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Series = dict[str, str]


@dataclass(frozen=True)
class Case:
    """Series in promtool's notation, a sample each 15 seconds; `expected` are the samples of `query` at `at`."""

    title: str
    rule: str
    series: Series
    at: str
    query: str
    expected: Sequence[tuple[str, float]]
    interval: str = "15s"

    def document(self) -> dict[str, Any]:
        """Return what promtool reads."""
        samples = [{"labels": labels, "value": value} for labels, value in self.expected]
        question = {"expr": self.query, "eval_time": self.at, "exp_samples": samples}
        return {
            "evaluation_interval": self.interval,
            "fuzzy_compare": True,
            "tests": [
                {
                    "interval": self.interval,
                    "input_series": [{"series": name, "values": values} for name, values in self.series.items()],
                    "promql_expr_test": [question],
                }
            ],
        }

    def __str__(self) -> str:
        return f"{self.rule}: {self.title}"


def fires(
    alert: str, title: str, series: Series, at: str, interval: str = "15s", only: str = "", **labels: str
) -> Case:
    """Return a case in which an alert, or its rule that `only` selects, fires once for digits with these labels."""
    expected = {"namespace": "shop", "name": "digits", **labels}
    text = ", ".join(f'{label}="{value}"' for label, value in expected.items())
    query = f'count by ({", ".join(expected)}) (ALERTS{{alertname="{alert}", alertstate="firing", {only}}})'
    return Case(title, alert, series, at, query, [(f"{{{text}}}", 1)], interval)


def quiet(alert: str, title: str, series: Series, at: str, interval: str = "15s", **labels: str) -> Case:
    """Return a case in which an alert, or the rule of it that gives these labels, does not fire."""
    only = "".join(f', {label}="{value}"' for label, value in labels.items())
    return Case(title, alert, series, at, f'ALERTS{{alertname="{alert}", alertstate="firing"{only}}}', [], interval)


def records(rule: str, title: str, series: Series, at: str, by: str, **expected: float) -> Case:
    """Return a case in which a rule records these values of the label `by`."""
    samples = [(f'{{{by}="{value}"}}', number) for value, number in expected.items()]
    return Case(title, rule, series, at, f"sum by ({by}) ({rule})", samples)
