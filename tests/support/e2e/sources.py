"""The servers that the tests of sources fetch from, at this machine's address, and how a model gets onto each.

They are started when they are first asked for. Those that take their time are shared by the workers of a run.
"""

import base64
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

from servers.azure import AzureEmulator
from servers.flaky_https import FlakyHttps
from servers.gcs import GcsEmulator
from servers.mlflow import MlflowServer
from servers.oci import OciRegistry
from servers.ports import free_ports
from servers.process import host_address
from servers.relay import Relay
from servers.s3 import S3Server
from tests.support.e2e.hub import Hub
from tests.support.e2e.shared_server import shared_server
from tests.support.sources.pushing import Pusher

READER: Final = ("reader", "of-all-models")
Files = Mapping[str, bytes]


class Sources:
    """All servers of one worker process; entering does nothing yet, leaving stops what was started."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._common = folder
        self._own = folder / worker
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @cached_property
    def s3(self) -> S3Server:
        """SeaweedFS."""
        return self._stack.enter_context(shared_server(S3Server(self._common / "s3")))

    @cached_property
    def counted(self) -> Relay:
        """The way to SeaweedFS that this worker alone takes, and that tells how many bytes came along it."""
        relay = Relay(self.s3.address, free_ports(self.s3.address, 1)[0], self.s3.port)
        relay.start()
        self._stack.callback(relay.stop)
        return relay

    @cached_property
    def gcs(self) -> GcsEmulator:
        """fake-gcs-server."""
        return self._stack.enter_context(shared_server(GcsEmulator(self._common / "gcs")))

    @cached_property
    def azure(self) -> AzureEmulator:
        """Azurite."""
        return self._stack.enter_context(shared_server(AzureEmulator(self._common / "azure")))

    @cached_property
    def registry(self) -> OciRegistry:
        """`distribution`, over TLS, for READER alone."""
        server = OciRegistry(self._common / "oci", accounts=dict([READER]))
        return self._stack.enter_context(shared_server(server))

    @cached_property
    def mlflow(self) -> MlflowServer:
        """MLflow with its registry, READER may only read."""
        server = MlflowServer(self._common / "mlflow", accounts=dict([READER]))
        return self._stack.enter_context(shared_server(server))

    @cached_property
    def web(self) -> FlakyHttps:
        """An nginx of this worker alone: its transfers can be cut, and what it sends be counted."""
        return self._stack.enter_context(FlakyHttps(self._own / "web"))

    @cached_property
    def hub(self) -> Hub:
        """A stand-in for a Hugging Face hub, of this worker alone."""
        return self._stack.enter_context(Hub(self._own / "hub", host_address()))

    @cached_property
    def withholding_hub(self) -> Hub:
        """One that never sends the last half KiB of a file."""
        return self._stack.enter_context(Hub(self._own / "withholding-hub", host_address(), withheld=512))

    def on_s3(self, files: Files) -> str:
        """Put files into a new bucket and return its URI."""
        import boto3  # noqa: PLC0415 - it takes its time, and few workers need it

        bucket = f"b{uuid4().hex}"
        secret = {"aws_access_key_id": self.s3.admin.key_id, "aws_secret_access_key": self.s3.admin.secret}
        client: Any = boto3.client("s3", endpoint_url=self.s3.url, region_name="us-east-1", **secret)
        client.create_bucket(Bucket=bucket)
        for key, content in files.items():
            client.put_object(Bucket=bucket, Key=key, Body=content)
        return f"s3://{bucket}"

    def on_gcs(self, files: Files) -> str:
        """Put files into a new bucket and return its URI."""
        from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415
        from google.cloud import storage  # noqa: PLC0415

        options = {"api_endpoint": self.gcs.url}
        client: Any = storage.Client(project="tests", credentials=AnonymousCredentials(), client_options=options)
        bucket = client.create_bucket(f"b{uuid4().hex}")
        for name, content in files.items():
            bucket.blob(name).upload_from_string(content)
        return f"gs://{bucket.name}"

    def on_azure(self, files: Files) -> str:
        """Put files into a new container and return its URI."""
        from azure.core.credentials import AzureNamedKeyCredential  # noqa: PLC0415
        from azure.storage.blob import BlobServiceClient  # noqa: PLC0415

        key = AzureNamedKeyCredential(self.azure.ACCOUNT, self.azure.KEY)
        container = BlobServiceClient(self.azure.url, credential=key).create_container(f"b{uuid4().hex}")
        for path, content in files.items():
            container.upload_blob(path, content)
        return f"azure://{self.azure.ACCOUNT}/{container.container_name}"

    @staticmethod
    def on_hub(hub: Hub, files: Files) -> str:
        """Put files into a new model of a hub and return its URI."""
        name = f"acme/m{uuid4().hex}"
        _write(hub.folder / name, files)
        return f"hf://{name}"

    def on_web(self, file: str, content: bytes) -> str:
        """Put a file into a new folder of the web server and return its URI."""
        folder = uuid4().hex
        _write(self.web.files / folder, {file: content})
        return f"{self.web.url}/{folder}/{file}"

    def pusher(self) -> Pusher:
        """Return who can push to a new repository of the registry."""
        return Pusher(self.registry, f"models/m{uuid4().hex}", _basic(*READER))


def docker_config(registry: str, user: str, password: str) -> str:
    """Return the text of .dockerconfigjson as `docker login` writes it."""
    word = base64.b64encode(f"{user}:{password}".encode()).decode()
    return f'{{"auths": {{"{registry}": {{"auth": "{word}"}}}}}}'


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def _write(folder: Path, files: Files) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
