"""A real MLflow tracking server with its registry, its artifacts served by the server itself."""

import os
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar, Self

from servers.process import Server, installed
from servers.web import basic, send, status_of


class MlflowServer(Server):
    """An MLflow tracking server at `url`, with SQLite and artifacts in its folder (`mlflow-artifacts:` URIs).

    With `accounts`, user → password, it asks for basic auth: those users may read all, and `ADMIN` may do everything. A
    wrong password, or none, is answered with 401. Artifacts come through the server, so a client needs nothing else.
    """

    NAME = "MLflow"
    START_SECONDS = 120  # it imports for long
    ADMIN: ClassVar = ("admin", "administrator-of-tests")

    def __init__(self, folder: Path, *, address: str | None = None, accounts: dict[str, str] | None = None) -> None:
        super().__init__(folder, address=address)
        self.accounts = accounts

    @property
    def url(self) -> str:
        """The tracking URI."""
        return f"http://{self.address}:{self.port}"

    def start(self) -> Self:
        """Start it, and make the accounts that are missing."""
        super().start()
        for user, password in (self.accounts or {}).items():
            account = {"username": user, "password": password}
            send(f"{self.url}/api/2.0/mlflow/users/create", account, headers=basic(*self.ADMIN))
        return self

    def prepare(self) -> None:
        """Write the settings of the accounts."""
        lines = [
            "[mlflow]",
            "default_permission = READ",
            f"database_uri = sqlite:///{self.folder / 'accounts.db'}",
            f"admin_username = {self.ADMIN[0]}",
            f"admin_password = {self.ADMIN[1]}",
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth",
        ]
        (self.folder / "accounts.ini").write_text("\n".join([*lines, ""]))

    def command(self) -> Sequence[str | Path]:
        """Start it with one worker."""
        return [
            installed("mlflow/bin/python"),
            "-m",
            "mlflow",
            "server",
            f"--host={self.address}",
            f"--port={self.port}",
            "--workers=1",
            f"--backend-store-uri=sqlite:///{self.folder / 'tracking.db'}",
            f"--artifacts-destination={self.folder / 'artifacts'}",
            "--serve-artifacts",
            "--allowed-hosts=*",
            *(["--app-name=basic-auth"] if self.accounts is not None else []),
        ]

    def environment(self) -> dict[str, str]:
        """Name the accounts' settings, send nothing home, and start none of the eight processes that run jobs."""
        path = f"{installed('mlflow/bin')}{os.pathsep}{os.environ['PATH']}"
        return super().environment() | {
            "PATH": path,
            "MLFLOW_AUTH_CONFIG_PATH": str(self.folder / "accounts.ini"),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "of tests",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }

    def is_ready(self) -> bool:
        """Tell whether it answers."""
        return status_of(f"{self.url}/health") == HTTPStatus.OK
