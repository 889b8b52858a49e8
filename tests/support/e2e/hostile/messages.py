"""A gRPC message of any size, from outside the cluster."""

from typing import Final

import grpc
from digits.traffic import Endpoint

_INFER: Final = "/inference.GRPCInferenceService/ModelInfer"


def send_message(endpoint: Endpoint, mebibytes: int, seconds: float) -> str:
    """Send a message without sense to a model at the gateway; return the gRPC status."""
    options = [("grpc.default_authority", endpoint.host), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(endpoint.address, options=options) as channel:
        try:
            channel.unary_unary(_INFER)(bytes(mebibytes << 20), timeout=seconds)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"
