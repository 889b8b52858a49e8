"""Triton's interfaces, asked through the gateway: those that every client may use, and those that only administer."""

from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from typing import Any, Final

import tritonclient.grpc
from digits.traffic import Endpoint
from tritonclient.utils import InferenceServerException

_SECONDS: Final = 15.0
_MODEL: Final = "digits"

Call = Callable[[Any], Any]
REST_OPEN: Final = (
    "GET /v2/health/live",
    "GET /v2/health/ready",
    f"GET /v2/models/{_MODEL}/ready",
    "GET /v2",
    f"GET /v2/models/{_MODEL}",
    f"GET /v2/models/{_MODEL}/config",
    f"GET /v2/models/{_MODEL}/stats",
)
REST_CLOSED: Final = (
    "POST /v2/repository/index",
    f"POST /v2/repository/models/{_MODEL}/load",
    f"POST /v2/repository/models/{_MODEL}/unload",
    "GET /v2/trace/setting",
    "POST /v2/trace/setting",
    f"POST /v2/models/{_MODEL}/trace/setting",
    "GET /v2/logging",
    "POST /v2/logging",
    "GET /v2/systemsharedmemory/status",
    "POST /v2/systemsharedmemory/region/r/register",
    "POST /v2/systemsharedmemory/unregister",
    "GET /v2/cudasharedmemory/status",
    "POST /v2/cudasharedmemory/region/r/register",
)
GRPC_OPEN: Final[Mapping[str, Call]] = {
    "live": lambda client: client.is_server_live(),
    "ready": lambda client: client.is_server_ready(),
    "model ready": lambda client: client.is_model_ready(_MODEL),
    "metadata": lambda client: client.get_server_metadata(),
    "model metadata": lambda client: client.get_model_metadata(_MODEL),
    "config": lambda client: client.get_model_config(_MODEL),
    "statistics": lambda client: client.get_inference_statistics(_MODEL),
}
GRPC_CLOSED: Final[Mapping[str, Call]] = {
    "repository index": lambda client: client.get_model_repository_index(),
    "load": lambda client: client.load_model(_MODEL),
    "unload": lambda client: client.unload_model(_MODEL),
    "trace settings": lambda client: client.get_trace_settings(),
    "trace": lambda client: client.update_trace_settings(settings={"trace_level": ["TIMESTAMPS"]}),
    "trace of a model": lambda client: client.update_trace_settings(_MODEL, {"trace_level": ["TIMESTAMPS"]}),
    "log settings": lambda client: client.get_log_settings(),
    "log": lambda client: client.update_log_settings({"log_verbose_level": 1}),
    "shared memory": lambda client: client.get_system_shared_memory_status(),
    "share memory": lambda client: client.register_system_shared_memory("r", "/region", 64),
    "share memory no more": lambda client: client.unregister_system_shared_memory(),
    "GPU memory": lambda client: client.get_cuda_shared_memory_status(),
    "share GPU memory": lambda client: client.register_cuda_shared_memory("r", b"", 0, 64),
}


def over_rest(endpoint: Endpoint, call: str, headers: Mapping[str, str] | None = None) -> int:
    """Make a call, METHOD PATH, and return the status of the answer."""
    method, path = call.split()
    connection = HTTPConnection(endpoint.address, timeout=_SECONDS)
    try:
        connection.request(method, path, "{}" if method == "POST" else None, {"Host": endpoint.host, **(headers or {})})
        return connection.getresponse().status
    finally:
        connection.close()


def fetched(address: str, host: str, path: str) -> tuple[int, str]:
    """Return the status and the body that a path of any host has at the gateway."""
    connection = HTTPConnection(address, timeout=_SECONDS)
    try:
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()


def over_grpc(endpoint: Endpoint, calls: Mapping[str, Call]) -> dict[str, str]:
    """Make the calls and return what each of them gives: OK, False, or the words of its error."""
    authority = [("grpc.default_authority", endpoint.host)]
    with tritonclient.grpc.InferenceServerClient(endpoint.address, channel_args=authority) as client:
        return {name: _outcome(client, call) for name, call in calls.items()}


def _outcome(client: Any, call: Call) -> str:
    try:
        return "False" if call(client) is False else "OK"
    except InferenceServerException as error:
        return str(error)
