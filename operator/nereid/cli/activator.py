"""`nereid activator`: the proxy that holds requests to sleeping models."""

from pathlib import Path

import click

_MEBIBYTE = 2**20
_KIBIBYTE = 2**10


def _limit(name: str, default: int, text: str) -> click.Option:
    return click.Option([name], type=click.IntRange(min=1), default=default, show_default=True, help=f"Maximum {text}.")


@click.command(
    params=[
        _limit("--waiting-limit", 1_000, "number of requests that may wait for one model"),
        _limit("--request-limit", 2_500, "number of requests at a time"),
        _limit("--namespace-request-limit", 1_250, "number of requests at a time to models of one namespace"),
        _limit("--held-mib", 512, "memory of these requests, in MiB, as estimated"),
        _limit("--namespace-held-mib", 256, "memory of the requests to models of one namespace, in MiB"),
        _limit("--message-mib", 64, "length of a message or a body, in MiB"),
        _limit("--header-kib", 16, "length of a request's headers, in KiB"),
        _limit("--cold-start-seconds", 3_600, "number of seconds that a request may wait"),
    ]
)
@click.option(
    "--cluster-domain", default="cluster.local", show_default=True, help="DNS domain of the cluster's Services."
)
@click.option(
    "--proof-folder",
    type=click.Path(path_type=Path),
    default=Path("/etc/nereid/proof"),
    show_default=True,
    help="Folder with the keys that the operator shares.",
)
@click.option("--peers", default="", help="Name in DNS of all activators; empty: there is only this one.")
@click.option("--own-address", envvar="NEREID_POD_IP", default="", help="Address of this one among them.")
@click.option(
    "--memory-bytes",
    envvar="NEREID_MEMORY_BYTES",
    type=click.IntRange(min=1),
    default=1_024 * _MEBIBYTE,
    show_default=True,
    help="Memory that the process may use.",
)
@click.option("--log-format", type=click.Choice(["json", "plain"]), default="json", show_default=True)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning"]), default="info", show_default=True)
def activator(  # noqa: PLR0913 - a parameter for each option
    *,
    cluster_domain: str,
    proof_folder: Path,
    peers: str,
    own_address: str,
    memory_bytes: int,
    log_format: str,
    log_level: str,
    **limits: int,
) -> None:
    """Hold requests to sleeping models until a pod is ready, and have KEDA wake the models."""
    from nereid.activator import logs  # noqa: PLC0415 - help needs neither gRPC nor aiohttp
    from nereid.activator.options import Limits, Options, Timing  # noqa: PLC0415
    from nereid.activator.server import run_activator  # noqa: PLC0415

    logs.configure(log_format, log_level)
    run_activator(
        Options(
            cluster_domain=cluster_domain,
            proof_folder=proof_folder,
            peers=peers,
            own_address=own_address,
            limits=Limits(
                waiting=limits["waiting_limit"],
                requests=limits["request_limit"],
                requests_per_namespace=limits["namespace_request_limit"],
                bytes=limits["held_mib"] * _MEBIBYTE,
                bytes_per_namespace=limits["namespace_held_mib"] * _MEBIBYTE,
                message_bytes=limits["message_mib"] * _MEBIBYTE,
                header_bytes=limits["header_kib"] * _KIBIBYTE,
                memory_bytes=memory_bytes,
            ),
            timing=Timing(longest_cold_start_seconds=limits["cold_start_seconds"]),
        )
    )
