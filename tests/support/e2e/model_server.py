"""An https server in the cluster with the test models and a certificate of a private authority.

Nearly every case fetches its models from here, so that no case needs a volume of its own. It runs outside the mesh,
as a company's artifact store would.
"""

import base64
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from digits.cluster import Cluster, Manifest
from digits.pods import helper_pod
from digits.train import Digits
from tests.support.e2e import faulty_models

NAMESPACE: Final = "nereid-e2e-models"
_NAME: Final = "models"
_HOST: Final = f"{_NAME}.{NAMESPACE}.svc.cluster.local"
_PORT: Final = 8443
_SERVE: Final = f"""
import functools, http.server, ssl
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/models")
server = http.server.ThreadingHTTPServer(("", {_PORT}), handler)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain("/certificate/server.crt", "/certificate/server.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
MALFORMED: Final = "malformed.onnx"


@dataclass(frozen=True, slots=True)
class ModelServer:
    """Where the models are, and the certificate of the authority that signed the server's."""

    authority: str = field(repr=False)

    def uri(self, file: str) -> str:
        """Return the URI of a file that is (or is not) on the server."""
        return f"https://{_HOST}/{file}"


def serve_models(cluster: Cluster, digits: Digits, labels: Mapping[str, str], folder: Path) -> ModelServer:
    """Start the server and return where it is; `folder` is for the certificates."""
    _make_certificates(folder)
    cluster.create_namespace(NAMESPACE, dict(labels))
    cluster.apply(*_objects(cluster.operator_image, digits, folder), namespace=NAMESPACE)
    cluster.wait_for_pod(_NAME, NAMESPACE)
    return ModelServer((folder / "ca.crt").read_text())


def version_file(version: str) -> str:
    """Return the name under which a version of the digits model is served."""
    return f"digits-{version}.onnx"


def _objects(image: str, digits: Digits, folder: Path) -> list[Manifest]:
    files = {version_file(version): trained.onnx for version, trained in digits.versions.items()}
    files |= faulty_models.archives(digits)
    files[MALFORMED] = b"this is not a model"
    certificate = {name: (folder / name).read_bytes() for name in ("server.crt", "server.key")}
    volumes = {"/models": {"configMap": {"name": _NAME}}, "/certificate": {"secret": {"secretName": _NAME}}}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _NAME}, "binaryData": _encoded(files)},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": _NAME}, "data": _encoded(certificate)},
        helper_pod(_NAME, image, ["python3", "-c", _SERVE], volumes=volumes),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": _NAME},
            "spec": {"selector": {"app": _NAME}, "ports": [{"name": "https", "port": 443, "targetPort": _PORT}]},
        },
    ]


def _encoded(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(content).decode() for name, content in files.items()}


def _make_certificates(folder: Path) -> None:
    (folder / "names").write_text(f"subjectAltName=DNS:{_HOST}\n")
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    _openssl(folder, f"req -x509 {key} -days 2 -subj /CN=test-authority -keyout ca.key -out ca.crt")
    _openssl(folder, f"req {key} -subj /CN=models -keyout server.key -out server.csr")
    _openssl(folder, "x509 -req -days 2 -in server.csr -CA ca.crt -CAkey ca.key -extfile names -out server.crt")


def _openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)
