"""The figures beside those of KServe."""

from bench.measurement import Figures

# KServe v0.15.0, RawDeployment, 1,000 InferenceServices on two cores; as released its client is limited to 20 requests
# per second, so the second column has that limit lifted. It makes four children for each, Nereid six.
KSERVE = {
    "all children present, s": ("351", "70"),
    "one at a time, p50 / p99, ms": ("538 / 582", "56 / 87"),
    "requests per object": ("21", "21"),
    "controller CPU, ms per object": ("31", "24"),
    "RSS before → after, MiB": ("64 → 135", "72 → 142"),
    "API server CPU, s": ("112", "77"),
    "restart, nothing changed: s / requests / writes": ("152 / 5,097 / -", "15 / 5,097 / -"),
}


def table(figures: Figures) -> str:
    """Return a Markdown table; KServe's columns are for 1,000 objects."""
    measured = {
        "all children present, s": f"{figures.all_present_seconds:.1f}",
        "one at a time, p50 / p99, ms": f"{figures.single_p50_ms:.0f} / {figures.single_p99_ms:.0f}",
        "requests per object": f"{figures.requests_per_object:.1f}",
        "controller CPU, ms per object": f"{figures.cpu_ms_per_object:.1f}",
        "RSS before → after, MiB": f"{figures.rss_before_mib:.0f} → {figures.rss_after_mib:.0f}",
        "API server CPU, s": f"{figures.api_server_cpu_seconds:.0f}",
        "restart, nothing changed: s / requests / writes": (
            f"{figures.restart_seconds:.1f} / {figures.restart_requests} / {figures.restart_writes}"
        ),
    }
    lines = [
        f"| N = {figures.objects:,} | Nereid | KServe as released | KServe, client limit lifted |",
        "|---|---|---|---|",
        *(f"| {row} | {value} | {' | '.join(KSERVE[row])} |" for row, value in measured.items()),
    ]
    return "\n".join(lines)
