"""Triton's model configuration as a user writes it in `spec.model.config`: validation and merging.

It is validated against the protocol buffer definition that Triton publishes, so that a misspelt field is rejected
before any pod starts, with a message that names it. Pure: no client, no file. It must not import `plan`, which
validates with it, or `fetch`, which merges with it.

`model_config.proto` is vendored, as its only publisher on PyPI, tritonclient, brings gRPC and NumPy with it.
`model_config_pb2.py` is generated from it; to regenerate it, in operator/, with grpcio-tools 1.76:
python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. nereid/contract/triton_config/model_config.proto
"""

from nereid.contract.triton_config.merge import merged, parsed
from nereid.contract.triton_config.problems import problem

__all__ = ["merged", "parsed", "problem"]
