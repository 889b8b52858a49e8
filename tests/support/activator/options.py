"""Options of an activator that does in fractions of a second what takes seconds in a cluster."""

from dataclasses import replace

from nereid.activator.options import Options, Ports, Timing

HOST = "digits-4hx8l2qz.shop.svc.cluster.local"
QUICK = Timing(
    cold_start_seconds=20,
    probe_seconds=0.02,
    ready_seconds=0.05,
    idle_seconds=0.1,
    registration_seconds=60,
    silence_seconds=0.3,
    repeat_seconds=0.03,
    channel_idle_seconds=0.1,
    spread_seconds=0.1,
    quiet_seconds=0.1,
)
OPTIONS = Options(ports=Ports(0, 0, 0, 0, 0), timing=QUICK)


def with_timing(**seconds: float) -> Options:
    return replace(OPTIONS, timing=replace(QUICK, **seconds))
