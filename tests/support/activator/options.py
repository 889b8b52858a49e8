"""Options of an activator that does in fractions of a second what takes seconds in a cluster."""

from dataclasses import replace
from pathlib import Path

from nereid.activator.options import Limits, Options, Ports, Timing
from nereid.contract.proof import route_proof, trigger_proof

HOST = "digits-4hx8l2qz.shop.svc.cluster.local"
PROOF_FOLDER = Path(__file__).parent / "proof"
KEY = (PROOF_FOLDER / "keys").read_text().strip()
QUICK = Timing(
    cold_start_seconds=20,
    probe_seconds=0.02,
    ready_seconds=0.05,
    idle_seconds=0.1,
    registration_seconds=60,
    silence_seconds=0.3,
    repeat_seconds=0.03,
    departure_seconds=0.05,
    key_seconds=0.05,
    key_keep_seconds=0.5,
    peer_seconds=0.2,
    peer_memory_seconds=2,
    peer_start_seconds=20,
    channel_idle_seconds=0.1,
    spread_seconds=0.1,
    quiet_seconds=0.1,
)
OPTIONS = Options(ports=Ports(0, 0, 0, 0, 0, 0), timing=QUICK, proof_folder=PROOF_FOLDER)


def with_timing(**seconds: float) -> Options:
    return replace(OPTIONS, timing=replace(QUICK, **seconds))


def with_limits(**limits: int) -> Options:
    return replace(OPTIONS, limits=replace(Limits(), **limits))


def routed(host: str = HOST, seconds: int | str = 60, key: str = KEY) -> dict[str, str]:
    """The headers that the route of a sleeping model sets."""
    proof = route_proof(key, host, str(seconds))
    return {"x-nereid-target": host, "x-nereid-cold-start-seconds": str(seconds), "x-nereid-proof": proof}


def trigger(host: str = HOST, key: str = KEY) -> dict[str, str]:
    """The metadata of the trigger by which KEDA asks about a model."""
    return {"target": host, "proof": trigger_proof(key, host)}
