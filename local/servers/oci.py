"""An OCI registry: `distribution`, over https, with or without accounts."""

import json
import subprocess
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from servers.authority import Authority
from servers.process import Server, installed
from servers.web import status_of


class OciRegistry(Server):
    """An OCI registry at `host` (ADDRESS:PORT) over https; `authority.certificate` is what its clients trust.

    With `accounts`, user → password, each of them may push and pull, and no one else: a wrong password, or none, is
    answered with 401 and `WWW-Authenticate: Basic`. Tags can be moved, manifests be deleted, blobs be read by range.
    """

    NAME = "the OCI registry"

    def __init__(self, folder: Path, *, address: str | None = None, accounts: dict[str, str] | None = None) -> None:
        super().__init__(folder, address=address)
        self.accounts = accounts
        self.authority = Authority(folder / "authority")

    @property
    def host(self) -> str:
        """The registry's name in a reference: HOST/REPOSITORY:TAG."""
        return f"{self.address}:{self.port}"

    @property
    def url(self) -> str:
        """Where its API is, without /v2/."""
        return f"https://{self.host}"

    def prepare(self) -> None:
        """Write the configuration; JSON is YAML too."""
        (self.folder / "config.yaml").write_text(json.dumps(self._configuration(), indent=2))

    def command(self) -> Sequence[str | Path]:
        """Serve what the configuration says."""
        return [installed("bin/registry"), "serve", self.folder / "config.yaml"]

    def is_ready(self) -> bool:
        """Tell whether it answers, or asks who is there."""
        expected = HTTPStatus.OK if self.accounts is None else HTTPStatus.UNAUTHORIZED
        return status_of(f"{self.url}/v2/", authority=self.authority.certificate) == expected

    def _configuration(self) -> dict[str, Any]:
        certificate, key = self.authority.server(self.address)
        storage = {"filesystem": {"rootdirectory": str(self.folder / "data")}, "delete": {"enabled": True}}
        tls = {"certificate": str(certificate), "key": str(key)}
        return {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": storage,
            "http": {"addr": self.host, "tls": tls},
            **self._accounts(),
        }

    def _accounts(self) -> dict[str, Any]:
        if self.accounts is None:
            return {}
        file = self.folder / "htpasswd"
        file.write_text("".join(f"{user}:{_bcrypt(password)}\n" for user, password in self.accounts.items()))
        return {"auth": {"htpasswd": {"realm": "models", "path": str(file)}}}


def _bcrypt(password: str) -> str:
    """Hash a password in the one way that the registry understands; Perl hands it to the C library."""
    program = ["perl", "-e", "print crypt(<STDIN>, q($2b$05$abcdefghijklmnopqrstuu))"]
    hashed = subprocess.run(program, input=password, capture_output=True, text=True, check=True).stdout
    return hashed.replace("$2b$", "$2y$", 1)
