"""The options of an activator."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Ports:
    """Where it listens; 0 takes a free port."""

    rest: int = 8000
    grpc: int = 8001
    health: int = 8080
    scaler: int = 9090
    metrics: int = 9091


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take, in seconds."""

    # How long a request waits whose route does not say so.
    cold_start_seconds: float = 300
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
    # How long a connection for gRPC is kept without a call.
    channel_idle_seconds: float = 60
    # At the end, how long requests still arrive as ever, since the endpoints take time to spread.
    spread_seconds: float = 5
    # After that, how long there must have been no request: proxies lag behind the endpoints.
    quiet_seconds: float = 5


@dataclass(frozen=True, slots=True)
class Options:
    """Options of one activator."""

    cluster_domain: str = "cluster.local"
    # How many requests may wait for one target.
    waiting_limit: int = 5_000
    # How many targets are remembered, of those that KEDA asked about and of those that had requests.
    target_limit: int = 20_000
    ports: Ports = field(default_factory=Ports)
    timing: Timing = field(default_factory=Timing)
