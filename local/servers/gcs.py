"""Google Cloud Storage: fake-gcs-server, the emulator that kserve-storage is tested with."""

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from servers.process import Server, installed
from servers.web import status_of


class GcsEmulator(Server):
    """A GCS server at `url`, the base URL that a client gets as its `api_endpoint`.

    Objects have generations and are served by range. It checks no credentials: any token, or none, may do all. Buckets
    are made by the client, or are folders below `folder/data`, with their objects as files, when it starts.
    """

    NAME = "fake-gcs-server"

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return f"http://{self.address}:{self.port}"

    def prepare(self) -> None:
        """Make the folder of the buckets."""
        (self.folder / "data").mkdir(exist_ok=True)

    def command(self) -> Sequence[str | Path]:
        """Start it on plain http, with its objects in the folder."""
        return [
            installed("bin/fake-gcs-server"),
            "-scheme=http",
            f"-host={self.address}",
            f"-port={self.port}",
            "-backend=filesystem",
            f"-filesystem-root={self.folder / 'data'}",
            f"-data={self.folder / 'data'}",
            f"-public-host={self.address}:{self.port}",
            f"-external-url={self.url}",
        ]

    def is_ready(self) -> bool:
        """Tell whether it lists buckets."""
        return status_of(f"{self.url}/storage/v1/b?project=tests") == HTTPStatus.OK
