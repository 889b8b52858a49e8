"""The expressions that several dashboards share, over the chart's recording rules.

A series of errors begins with the first error; what is computed here gives 0 before that.
"""

from typing import Final

REQUESTS: Final = "nereid:revision_requests:rate1m"
BUCKETS: Final = "nereid:revision_latency_bucket:rate1m"

FLEET: Final = 'namespace=~"$namespace"'
MODEL: Final = 'namespace="$namespace", name="$name"'
# Triton's own metrics carry the name in a label of its pods.
TRITON: Final = 'namespace="$namespace", model_deployment="$name"'

REVISION: Final = "role, version"
REVISION_LEGEND: Final = "{{role}} {{version}}"


def requests(selector: str, by: str) -> str:
    """Return requests per second."""
    return f"sum by ({by}) ({REQUESTS}{{{selector}}})"


def share(outcome: str, selector: str, by: str) -> str:
    """Return which share of the requests had this outcome."""
    everything = requests(selector, by)
    chosen = requests(f'{selector}, outcome="{outcome}"', by)
    return f"({chosen} or 0 * {everything}) / {everything}"


def quantile(quantile: float, selector: str, by: str = "") -> str:
    """Return within how many milliseconds this part of the requests was answered."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({quantile}, sum by ({labels}) ({BUCKETS}{{{selector}}}))"


def per_request(part: str, by: str) -> str:
    """Return how many milliseconds of a part of its work, `queue` or `compute_infer`, Triton spends on a request."""
    spent = f"sum by ({by}) (rate(nv_inference_{part}_duration_us{{{TRITON}}}[$__rate_interval]))"
    return f"{spent} / 1000 / {answered(by)}"


def answered(by: str) -> str:
    """Return how many requests per second Triton says that it answered."""
    return f"sum by ({by}) (rate(nv_inference_request_success{{{TRITON}}}[$__rate_interval]))"


def burn_rate(objective: str, window: str) -> str:
    """Return how many times faster than its objective allows the model failed, or was slow, over a time.

    Not by the rules of the alerts, whose windows can be chosen in the chart's values.
    """
    bad, every = {"availability": ("errors", "requests"), "latency": ("slow", "timed")}[objective]
    share = f"nereid:{bad}:rate1m{{{MODEL}}}[{window}]) / sum_over_time(nereid:{every}:rate1m{{{MODEL}}}[{window}])"
    allowed = f'(1 - nereid:objective:last{{{MODEL}, objective="{objective}"}})'
    return f"sum_over_time({share} / on (namespace, name) {allowed}"


def counted(series: str) -> str:
    """Return the number of models that these series belong to; 0 if there is none."""
    return f"count(max by (namespace, name) ({series})) or vector(0)"


def pods(which: str, selector: str, by: str) -> str:
    """Return how many pods there are: `replicas` are those that are wanted, `ready_replicas` those that are ready.

    Each revision counts once, also while an old and a new operator tell of it.
    """
    return f"sum by ({by}) (max by (namespace, name, revision, role) (nereid_revision_{which}{{{selector}}}))"
