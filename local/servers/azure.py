"""Azure Blob Storage: Azurite, Microsoft's emulator."""

import base64
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar

from servers.process import Server, installed
from servers.web import status_of


class AzureEmulator(Server):
    """An Azure Blob server whose account `ACCOUNT` is at `url`; `KEY` is its access key, signatures are checked.

    A wrong key is answered with 403, an unknown container with 404. Containers are made by the client. As the account
    is not part of the host's name, Azure's library gets it: `credential={"account_name": ACCOUNT, "account_key": KEY}`.
    """

    NAME = "Azurite"
    ACCOUNT: ClassVar = "devstoreaccount1"
    KEY: ClassVar = base64.b64encode(b"the key of the tests' account").decode()

    @property
    def url(self) -> str:
        """The account's URL, with the account's name in its path."""
        return f"http://{self.address}:{self.port}/{self.ACCOUNT}"

    def command(self) -> Sequence[str | Path]:
        """Start the blob service alone; a version of the API that it does not know is taken for its newest."""
        return [
            "node",
            installed("azurite/node_modules/azurite/dist/src/blob/main.js"),
            f"--blobHost={self.address}",
            f"--blobPort={self.port}",
            f"--location={self.folder / 'data'}",
            "--skipApiVersionCheck",
            "--disableProductStyleUrl",
            "--disableTelemetry",
            "--silent",
        ]

    def environment(self) -> dict[str, str]:
        """Name the account and its key."""
        return super().environment() | {"AZURITE_ACCOUNTS": f"{self.ACCOUNT}:{self.KEY}"}

    def prepare(self) -> None:
        """Make the folder of the data."""
        (self.folder / "data").mkdir(exist_ok=True)

    def is_ready(self) -> bool:
        """Return whether it rejects a client without a key."""
        return status_of(f"{self.url}?comp=list") in {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}
