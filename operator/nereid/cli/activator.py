"""`nereid activator`: the proxy that holds requests to sleeping models."""

import click


@click.command()
@click.option(
    "--cluster-domain", default="cluster.local", show_default=True, help="DNS domain of the cluster's Services."
)
@click.option(
    "--waiting-limit",
    type=click.IntRange(min=1),
    default=5_000,
    show_default=True,
    help="Maximum number of requests that may wait for one model.",
)
@click.option("--log-format", type=click.Choice(["json", "plain"]), default="json", show_default=True)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning"]), default="info", show_default=True)
def activator(cluster_domain: str, waiting_limit: int, log_format: str, log_level: str) -> None:
    """Hold requests to sleeping models until a pod is ready, and have KEDA wake the models."""
    from nereid.activator import logs  # noqa: PLC0415 - help needs neither gRPC nor aiohttp
    from nereid.activator.options import Options  # noqa: PLC0415
    from nereid.activator.server import run_activator  # noqa: PLC0415

    logs.configure(log_format, log_level)
    run_activator(Options(cluster_domain=cluster_domain, waiting_limit=waiting_limit))
