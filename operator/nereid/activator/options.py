"""The options of an activator."""

from dataclasses import dataclass, field
from pathlib import Path

MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Ports:
    """Where it listens; 0 takes a free port."""

    rest: int = 8000
    grpc: int = 8001
    health: int = 8080
    scaler: int = 9090
    metrics: int = 9091
    peers: int = 9092


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take, in seconds."""

    # How long a request waits whose route does not say so, and how long at most whatever it says.
    cold_start_seconds: float = 300
    longest_cold_start_seconds: float = 3600
    # How long requests wait for KEDA's first question about their target: it asks every 30 s at most.
    first_poll_seconds: float = 35
    # Between two probes of a target.
    probe_seconds: float = 0.5
    # How long a target that has answered needs no further probe; it stays active, and so keeps its pods, for longer.
    ready_seconds: float = 5
    # How long a target stays active beyond its last request.
    idle_seconds: float = 30
    # How long requests are forwarded to a target beyond KEDA's last call: while KEDA is down, running models go on.
    registration_seconds: float = 24 * 3600
    # How long KEDA must have been silent to be named as the cause of a target that stays asleep; it polls every 30 s.
    silence_seconds: float = 120
    # How often KEDA is notified again while requests wait: it loses notices until it has set up the ScaledObject.
    repeat_seconds: float = 5
    # How often connections of requests are looked at whether their clients have closed them.
    departure_seconds: float = 1
    # How often the Secret's folder is looked at for other keys.
    key_seconds: float = 5
    # How long a key that is gone from it is still accepted.
    key_keep_seconds: float = 600
    # How often an activator looks for others, and tells those that it knows that it is there.
    peer_seconds: float = 1
    # How long what another activator has told is believed, once it is gone.
    peer_memory_seconds: float = 10
    # How long a new activator is not ready at most, while it learns what the others know.
    peer_start_seconds: float = 10
    # How long a connection for gRPC is kept without a call.
    channel_idle_seconds: float = 60
    # At the end, how long requests still arrive as ever, since the endpoints take time to spread.
    spread_seconds: float = 5
    # After that, how long there must have been no request: proxies lag behind the endpoints.
    quiet_seconds: float = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """What one activator takes at a time at most."""

    # How many requests may wait for one target, and for one that KEDA has not asked about.
    waiting: int = 1_000
    waiting_unregistered: int = 100
    # How many requests there may be, waiting or forwarded.
    requests: int = 2_500
    requests_per_namespace: int = 1_250
    # How much memory they may take, as estimated.
    bytes: int = 512 * MEBIBYTE
    bytes_per_namespace: int = 256 * MEBIBYTE
    # The longest message over gRPC, and the longest body over REST.
    message_bytes: int = 64 * MEBIBYTE
    # The headers of a request, in all.
    header_bytes: int = 16 * 2**10
    # The memory of the process: messages over gRPC are held whole, and wait for room in it.
    memory_bytes: int = 1024 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Options:
    """Options of one activator."""

    cluster_domain: str = "cluster.local"
    # The folder with the keys that prove what the operator has made.
    proof_folder: Path = Path("/etc/nereid/proof")
    # The name in DNS that leads to all activators, this one too; empty: there is no other.
    peers: str = ""
    # The address of this one's pod.
    own_address: str = ""
    limits: Limits = field(default_factory=Limits)
    # How many targets are remembered, of those that KEDA asked about and of those that had requests.
    target_limit: int = 20_000
    ports: Ports = field(default_factory=Ports)
    timing: Timing = field(default_factory=Timing)
