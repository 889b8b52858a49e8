"""A certificate authority of the test session, for servers that speak https."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority whose files lie in a folder; `certificate` is the PEM that a client trusts (spec.model.caBundle)."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """The authority's certificate, made when it is first asked for."""
        target = self.folder / "ca.crt"
        if not target.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._request("ca", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-subj", "/CN=test-authority")
        return target

    def server(self, *hosts: str) -> tuple[Path, Path]:
        """Make a server's certificate for addresses or DNS names, and return it and its key."""
        signer = ["-CA", str(self.certificate), "-CAkey", str(self.folder / "ca.key")]
        names = ",".join(f"{'IP' if host.replace('.', '').isdigit() else 'DNS'}:{host}" for host in hosts)
        extensions = ("basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth", f"subjectAltName={names}")
        words = [word for extension in extensions for word in ("-addext", extension)]
        self._request("server", *signer, *words, "-subj", f"/CN={hosts[0]}")
        return self.folder / "server.crt", self.folder / "server.key"

    def _request(self, name: str, *options: str) -> None:
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-keyout", f"{name}.key"]
        command = ["openssl", "req", "-x509", "-days", "30", *key, *options, "-out", f"{name}.crt"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
