"""An https server, nginx, behind a relay that breaks off as many transfers as it is set to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from servers.authority import Authority
from servers.ports import free_ports
from servers.process import Server, host_address, installed
from servers.relay import Relay
from servers.web import status_of

_CONFIGURATION: Final = """
daemon off;
master_process off;
pid {folder}/pid;
events {{}}
http {{
    default_type application/octet-stream;
    access_log {folder}/access.log;
    client_body_temp_path {folder}/temporary;
    proxy_temp_path {folder}/temporary;
    fastcgi_temp_path {folder}/temporary;
    uwsgi_temp_path {folder}/temporary;
    scgi_temp_path {folder}/temporary;
    sendfile on;
    server {{
        listen {address}:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        root {files};
        {access}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may fetch, and how fast: user → password, a bearer token, bytes per second."""

    accounts: Mapping[str, str]
    token: str | None
    rate: int | None

    def directives(self, folder: Path) -> str:
        """Write it as nginx's directives; the passwords go into a file of the folder."""
        lines = [f"limit_rate {self.rate};"] if self.rate else []
        if self.token:
            lines += [f'if ($http_authorization != "Bearer {self.token}") {{ return 401; }}']
        if self.accounts:
            passwords = folder / "passwords"
            passwords.write_text("".join(f"{user}:{{PLAIN}}{word}\n" for user, word in self.accounts.items()))
            lines += ['auth_basic "models";', f"auth_basic_user_file {passwords};"]
        return " ".join(lines)


class FlakyHttps:
    """An https server at `url` of the files below `files`, whose transfers can be broken off.

    Files are served with ETag, Content-Length and ranges; a sparse file takes no space, however big. What clients trust
    is `authority.certificate`. With `accounts`, user → password, it asks for basic auth, with `token` for that bearer
    token, and answers 401 to others; else it is public. `rate`, in bytes per second, slows every transfer down.

    `interrupt(after=N, times=K)` cuts the next K connections, in the order in which they come, once N bytes of the
    (encrypted) answer went to the client. `connections` and `sent` tell how many there were and what they carried.
    """

    def __init__(
        self,
        folder: Path,
        *,
        address: str | None = None,
        accounts: Mapping[str, str] | None = None,
        token: str | None = None,
        rate: int | None = None,
    ) -> None:
        self.authority = Authority(folder / "authority")
        access = Access(dict(accounts or {}), token, rate)
        self._nginx = _Nginx(folder, address or host_address(), self.authority, access)
        self._relay = Relay(self._nginx.address, free_ports(self._nginx.address, 1)[0], self._nginx.port)

    @property
    def files(self) -> Path:
        """The folder of what is served; it can be changed at any time."""
        return self._nginx.files

    @property
    def url(self) -> str:
        """The URL of the folder."""
        return f"https://{self._nginx.address}:{self._relay.port}"

    @property
    def connections(self) -> int:
        """How many connections there were."""
        return self._relay.connections

    @property
    def sent(self) -> int:
        """How many bytes went to clients, encryption included."""
        return self._relay.sent

    def interrupt(self, *, after: int, times: int = 1) -> None:
        """Cut each of the next `times` connections once `after` bytes went to its client."""
        self._relay.cut(after, times)

    def sparse(self, name: str, size: int) -> Path:
        """Make a file of zeros that takes no space."""
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(size)
        return path

    def start(self) -> Self:
        """Start it and return when it answers."""
        self._nginx.start()
        self._relay.start()
        return self

    def stop(self) -> None:
        """Stop it, and with it the connections that are open."""
        self._relay.stop()
        self._nginx.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Nginx(Server):
    """The web server itself, without interruptions."""

    NAME = "nginx"

    def __init__(self, folder: Path, address: str, authority: Authority, access: Access) -> None:
        super().__init__(folder, address=address)
        self.files = folder / "files"
        self._authority = authority
        self._access = access
        self.files.mkdir(exist_ok=True)

    def prepare(self) -> None:
        certificate, key = self._authority.server(self.address)
        (self.folder / "temporary").mkdir(exist_ok=True)
        text = _CONFIGURATION.format(
            folder=self.folder,
            address=self.address,
            port=self.port,
            certificate=certificate,
            key=key,
            files=self.files,
            access=self._access.directives(self.folder),
        )
        (self.folder / "nginx.conf").write_text(text)

    def command(self) -> Sequence[str | Path]:
        return [installed("bin/nginx"), "-c", self.folder / "nginx.conf", "-e", "stderr"]

    def is_ready(self) -> bool:
        return status_of(f"https://{self.address}:{self.port}/", authority=self._authority.certificate) is not None
