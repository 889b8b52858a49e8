"""S3 on SeaweedFS: master, volume server, filer and S3 gateway in one process."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar

from servers.process import Server, installed
from servers.web import status_of


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key pair, and whether it may write."""

    key_id: str
    secret: str
    read_only: bool = False

    @property
    def environment(self) -> dict[str, str]:
        """The keys of a Secret by which AWS's tools know it, without the endpoint."""
        return {
            "AWS_ACCESS_KEY_ID": self.key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
        }


class S3Server(Server):
    """An S3 server at `url` with signatures checked: `admin` may do everything, `reader` may only read and list.

    A wrong secret, or none, is answered with 403. The administrator makes a bucket by writing into it. Objects are kept
    in pieces below the folder; they are served with ETag, Content-Length and ranges.
    """

    NAME = "SeaweedFS"
    PORTS = 8
    STOP_SECONDS = 1  # it waits for its own parts; what is written by then, stays
    admin: ClassVar = AccessKey("admin", "admin-secret")
    reader: ClassVar = AccessKey("reader", "reader-secret", read_only=True)

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://{self.address}:{self.port}"

    def prepare(self) -> None:
        """Write who may do what."""
        (self.folder / "data").mkdir(exist_ok=True)
        identities = [_identity(key) for key in (self.admin, self.reader)]
        (self.folder / "identities.json").write_text(json.dumps({"identities": identities}))

    def command(self) -> Sequence[str | Path]:
        """Start all parts, without telemetry, catalogues and the files in /tmp that are made by default."""
        names = [f"{part}.{kind}" for part in ("s3", "filer", "master", "volume") for kind in ("port", "port.grpc")]
        ports = [f"-{name}={port}" for name, port in zip(names, self.ports, strict=True)]
        sockets = [f"-{part}.localSocket={self.folder / part}.sock" for part in ("s3", "filer")]
        return [
            installed("seaweedfs/bin/weed"),
            "server",
            f"-dir={self.folder / 'data'}",
            f"-ip={self.address}",
            f"-s3.config={self.folder / 'identities.json'}",
            "-s3",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=1024",
            "-volume.max=300",
            "-volume.preStopSeconds=0",
            "-master.electionTimeout=1s",
            "-master.resumeState=false",
            *ports,
            *sockets,
        ]

    def is_ready(self) -> bool:
        """Tell whether the gateway asks who is there, and the volume server has announced itself."""
        master = self.ports[4]
        assigned = status_of(f"http://{self.address}:{master}/dir/assign")
        return assigned == HTTPStatus.OK and status_of(f"{self.url}/") == HTTPStatus.FORBIDDEN


def _identity(key: AccessKey) -> dict[str, object]:
    actions = ["Read", "List"] if key.read_only else ["Admin", "Read", "List", "Tagging", "Write"]
    return {
        "name": key.key_id,
        "credentials": [{"accessKey": key.key_id, "secretKey": key.secret}],
        "actions": actions,
    }
