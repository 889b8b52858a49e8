"""The activator: holds requests to sleeping models, has KEDA wake the models, and forwards the requests.

A process of its own, in the mesh. The routes of a sleeping model lead to it; KEDA asks it, as an external scaler, which
models have requests. Its state is in memory only: after a restart, KEDA and the clients ask again. Imports only
names and telemetry; it has neither the API's types nor a Kubernetes client.

`externalscaler_pb2.py` is generated; to generate it again, in operator/, with grpcio-tools 1.76:
python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. nereid/activator/externalscaler.proto
"""
