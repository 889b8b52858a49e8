"""Questions to the cluster's Prometheus."""

import json
from typing import Final
from urllib.parse import urlencode
from urllib.request import urlopen

from digits.cluster import Cluster

_TIMEOUT_SECONDS: Final = 10


def ask(cluster: Cluster, query: str) -> float:
    """Return the value of a query that gives one number; 0 where there is nothing yet."""
    url = f"{cluster.prometheus_url}/api/v1/query?{urlencode({'query': query})}"
    with urlopen(url, timeout=_TIMEOUT_SECONDS) as response:
        series = json.load(response)["data"]["result"]
    return float(series[0]["value"][1]) if series else 0.0


def answered_by_triton(cluster: Cluster, namespace: str, revision: str) -> float:
    """Return how many requests a revision's Tritons say that they have answered."""
    return ask(cluster, f'sum(nv_inference_request_success{{namespace="{namespace}",revision="{revision}"}})')
