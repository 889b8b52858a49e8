"""Models in a real OCI registry, `distribution`, as each tool packs them."""

import base64
import json
import platform
import ssl
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import oras.client
import pytest
from servers.authority import Authority
from servers.oci import OciRegistry
from tests.support.sources.pushing import OCI_INDEX, OCI_LAYER, OCI_MANIFEST, Pusher, link, tar

from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.fetch_request import Request
from nereid.contract.source import OciSource, parse_source
from nereid.models.sources.credentials import Credentials
from nereid.models.sources.failures import InterruptionError
from nereid.models.sources.http_client import Server, basic, new_session
from nereid.models.sources.oci.docker_config import Login
from nereid.models.sources.oci.registry import Registry
from nereid.models.sources.oci_files import OciFiles, open_files

HERE = "127.0.0.1"
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
READER = ("reader", "of models")
MODEL = {"models/digits/config.pbtxt": b'name: "digits"', "models/digits/1/model.onnx": bytes(range(256)) * 40}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OciRegistry]:
    with OciRegistry(tmp_path_factory.mktemp("registry"), address=HERE) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OciRegistry]:
    with OciRegistry(tmp_path_factory.mktemp("guarded"), address=HERE, accounts=dict([READER])) as server:
        yield server


@pytest.fixture
def pusher(registry: OciRegistry) -> Pusher:
    return Pusher(registry, f"models/m{uuid.uuid4().hex}")


def opened(uri: str, registry: OciRegistry, credentials: Path | None = None) -> OciFiles:
    source = parse_source(uri)
    assert isinstance(source, OciSource)
    request = Request(uri, ca_bundle=registry.authority.certificate, credentials=credentials)
    return open_files(source, request)


def fetched(files: OciFiles, folder: Path) -> dict[str, bytes]:
    """Download and unpack, and return the files by path."""
    downloaded, into = folder / "downloaded", folder / "into"
    for file in files.files():
        target = downloaded / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"".join(files.read(file, 0)))
    if not files.is_packed:
        into = downloaded
    else:
        files.unpack(downloaded, into)
    return {str(path.relative_to(into)): path.read_bytes() for path in into.rglob("*") if path.is_file()}


def failure(uri: str, registry: OciRegistry, credentials: Path | None = None) -> FetchError:
    with pytest.raises(FetchError) as raised:
        opened(uri, registry, credentials).files()
    return raised.value


def secret(folder: Path, **values: str) -> Path:
    folder.mkdir()
    for key, value in values.items():
        (folder / key).write_text(value)
    return folder


class TestImages:
    def test_the_model_of_a_modelcar_is_below_models(self, pusher: Pusher, tmp_path: Path) -> None:
        base = pusher.layer(tar({"etc/passwd": b"root", "bin/sh": link("/bin/busybox")}), OCI_LAYER)
        pusher.manifest("1", base, pusher.layer(tar(MODEL), OCI_LAYER))
        assert fetched(opened(pusher.uri("1"), pusher.registry), tmp_path) == {
            name.removeprefix("models/"): content for name, content in MODEL.items()
        }

    def test_a_later_layer_replaces_and_deletes(self, pusher: Pusher, tmp_path: Path) -> None:
        first = {"models/a": b"old", "models/b": b"gone", "models/sub/c": b"gone", "models/sub/d": b"gone"}
        second = {"models/a": b"new", "models/.wh.b": b"", "models/sub/.wh..wh..opq": b"", "models/sub/e": b"kept"}
        plain = "application/vnd.oci.image.layer.v1.tar"
        pusher.manifest("1", pusher.layer(tar(first), OCI_LAYER), pusher.layer(tar(second, compressed=False), plain))
        assert fetched(opened(pusher.uri("1"), pusher.registry), tmp_path) == {"a": b"new", "sub/e": b"kept"}

    def test_a_deletion_of_no_name_deletes_nothing(self, pusher: Pusher, tmp_path: Path) -> None:
        content = {"models/sub/a": b"kept", **{f"models/sub/.wh.{name}": b"" for name in ("", ".", "..")}}
        pusher.manifest("1", pusher.layer(tar(content), OCI_LAYER))
        assert fetched(opened(pusher.uri("1"), pusher.registry), tmp_path) == {"sub/a": b"kept"}

    def test_the_platform_of_this_machine_is_taken_from_an_index(self, pusher: Pusher, tmp_path: Path) -> None:
        entries = []
        for architecture in ("s390x", MACHINE):
            layer = pusher.layer(tar({"models/model.onnx": architecture.encode()}), OCI_LAYER)
            digest = pusher.manifest(architecture, layer)
            target = {"os": "linux", "architecture": architecture}
            entries.append({"mediaType": OCI_MANIFEST, "digest": digest, "size": 1, "platform": target})
        pusher.put("all", {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
        files = opened(pusher.uri("all"), pusher.registry)
        assert fetched(files, tmp_path) == {"model.onnx": MACHINE.encode()}

        pusher.put("other", {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries[:1]})
        error = failure(pusher.uri("other"), pusher.registry)
        assert "has no image for linux/" in error.sentence
        assert "it has linux/s390x" in error.sentence

    def test_links_within_the_model_are_kept(self, pusher: Pusher, tmp_path: Path) -> None:
        content: dict[str, bytes | tarfile.TarInfo] = {
            "models/blobs/x": b"weights",
            "models/model.onnx": link("blobs/x"),
            "models/same": link("models/blobs/x", tarfile.LNKTYPE),
        }
        pusher.manifest("1", pusher.layer(tar(content), OCI_LAYER))
        found = fetched(opened(pusher.uri("1"), pusher.registry), tmp_path)
        assert found == dict.fromkeys(("blobs/x", "model.onnx", "same"), b"weights")

    @pytest.mark.parametrize(
        "content",
        [
            {"models/../../escaped": b"x"},
            {"models/a": link("../../../etc/passwd")},
            {"models/a": link("/etc/passwd")},
            {"models/a": link("../../outside", tarfile.LNKTYPE)},
            {"models/a": link(".."), "models/a/b": b"x"},
            {"models/fifo": link("", tarfile.FIFOTYPE)},
        ],
    )
    def test_nothing_is_written_outside(self, pusher: Pusher, tmp_path: Path, content: Mapping[str, Any]) -> None:
        pusher.manifest("1", pusher.layer(tar(content), OCI_LAYER))
        with pytest.raises(FetchError) as raised:
            fetched(opened(pusher.uri("1"), pusher.registry), tmp_path)
        assert raised.value.reason is Reason.MODEL_INVALID
        assert not (tmp_path / "escaped").exists()

    def test_an_image_without_a_model_is_told(self, pusher: Pusher, tmp_path: Path) -> None:
        pusher.manifest("1", pusher.layer(tar({"bin/sh": b"x"}), OCI_LAYER))
        with pytest.raises(FetchError, match="holds no model: put the model's files below /models in the image"):
            fetched(opened(pusher.uri("1"), pusher.registry), tmp_path)

    def test_zstd_is_told(self, pusher: Pusher) -> None:
        pusher.manifest("1", pusher.layer(b"x", "application/vnd.oci.image.layer.v1.tar+zstd"))
        assert "push it with gzip compression" in failure(pusher.uri("1"), pusher.registry).sentence


class TestArtifacts:
    def test_oras_pushes_files_and_folders(
        self, pusher: Pusher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "made/digits/1").mkdir(parents=True)
        (tmp_path / "made/digits/1/model.onnx").write_bytes(b"weights")
        (tmp_path / "made/labels.txt").write_bytes(b"0 1 2")
        monkeypatch.chdir(tmp_path / "made")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pusher.registry.authority.certificate))
        target = pusher.uri("1").removeprefix("oci://")
        oras.client.OrasClient().push(target=target, files=["digits", "labels.txt"])
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        assert fetched(opened(pusher.uri("1"), pusher.registry), tmp_path) == {
            "digits/1/model.onnx": b"weights",
            "labels.txt": b"0 1 2",
        }

    def test_the_annotations_of_oras_decide(self, pusher: Pusher, tmp_path: Path) -> None:
        title, unpack = "org.opencontainers.image.title", "io.deis.oras.content.unpack"
        folder = tar({"digits/model.onnx": b"weights"})
        pusher.manifest(
            "1",
            pusher.layer(folder, OCI_LAYER, **{title: "digits", unpack: "true"}),
            pusher.layer(b"plain", "application/vnd.oci.image.layer.v1.tar", **{title: "sub/notes.txt"}),
            pusher.layer(folder, "application/octet-stream", **{title: "packed.tar.gz"}),
        )
        assert fetched(opened(pusher.uri("1"), pusher.registry), tmp_path) == {
            "digits/model.onnx": b"weights",
            "sub/notes.txt": b"plain",
            "packed.tar.gz": folder,
        }

    def test_a_model_pack_is_read(self, pusher: Pusher, tmp_path: Path) -> None:
        prefix, path = "application/vnd.cncf.model.weight", "org.cncf.model.filepath"
        pusher.manifest(
            "1",
            pusher.layer(b"weights", f"{prefix}.v1.raw", **{path: "model.onnx"}),
            pusher.layer(tar({"conf/a.json": b"{}"}, compressed=False), f"{prefix}.config.v1.tar", **{path: "conf"}),
            artifactType="application/vnd.cncf.model.manifest.v1+json",
        )
        found = fetched(opened(pusher.uri("1"), pusher.registry), tmp_path)
        assert found == {"model.onnx": b"weights", "conf/a.json": b"{}"}

    def test_a_file_is_read_from_any_byte_and_has_its_hash(self, pusher: Pusher) -> None:
        layer = pusher.layer(b"0123456789", "application/octet-stream", **{"org.opencontainers.image.title": "a.onnx"})
        pusher.manifest("1", layer)
        files = opened(pusher.uri("1"), pusher.registry)
        (file,) = files.files()
        assert (str(file.path), file.size, f"sha256:{file.sha256}") == ("a.onnx", 10, layer["digest"])
        assert b"".join(files.read(file, 7)) == b"789"
        assert not files.is_packed

    @pytest.mark.parametrize("name", ["/etc/passwd", "../up"])
    def test_a_name_that_leads_out_is_refused(self, pusher: Pusher, name: str) -> None:
        layer = pusher.layer(b"x", "application/octet-stream", **{"org.opencontainers.image.title": name})
        pusher.manifest("1", layer)
        assert "points outside the artifact" in failure(pusher.uri("1"), pusher.registry).sentence


class TestAccess:
    def test_an_unknown_tag_is_told(self, pusher: Pusher) -> None:
        error = failure(pusher.uri("nope"), pusher.registry)
        assert error.reason is Reason.MODEL_NOT_FOUND
        assert pusher.uri("nope") in error.sentence

    def test_an_untrusted_certificate_is_told(self, registry: OciRegistry) -> None:
        source = OciSource(registry.host, "models/m")
        request = Request(str(source))
        with pytest.raises(FetchError, match=r"certificate .* spec\.model\.caBundle"):
            open_files(source, request).files()

    def test_a_server_that_is_gone_is_worth_another_try(self, registry: OciRegistry) -> None:
        with pytest.raises(InterruptionError, match=r"127\.0\.0\.1:9"):
            opened("oci://127.0.0.1:9/models/m:1", registry).files()

    @pytest.mark.parametrize("form", ["login", "docker", "path"])
    def test_either_form_of_credentials_will_do(self, guarded: OciRegistry, tmp_path: Path, form: str) -> None:
        pusher = Pusher(guarded, "models/guarded", {"Authorization": basic(*READER)})
        pusher.manifest("1", pusher.layer(tar({"models/a": b"x"}), OCI_LAYER))
        auth = {"auth": base64.b64encode(":".join(READER).encode()).decode()}
        auths = {guarded.host: {"auth": "d3Jvbmc6d3Jvbmc="}, f"https://{guarded.host}/models": auth}
        values = {
            "login": {"username": READER[0], "password": READER[1]},
            "docker": {".dockerconfigjson": json.dumps({"auths": {guarded.host: auth}})},
            "path": {".dockerconfigjson": json.dumps({"auths": auths})},
        }[form]
        files = opened(pusher.uri("1"), guarded, secret(tmp_path / "secret", **values))
        assert fetched(files, tmp_path) == {"a": b"x"}

    @pytest.mark.parametrize(
        ("values", "told"),
        [
            ({}, "no credentials are sent"),
            ({"username": "reader", "password": "wrong"}, "correct .dockerconfigjson, or username and password"),
            ({".dockerconfigjson": '{"auths": {"other.example": {"auth": "YTpi"}}}'}, "correct .dockerconfigjson"),
            ({".dockerconfigjson": "no json"}, "is not a valid Docker configuration"),
        ],
    )
    def test_missing_and_wrong_credentials_are_told(
        self, guarded: OciRegistry, tmp_path: Path, values: dict[str, str], told: str
    ) -> None:
        error = failure(f"oci://{guarded.host}/models/m:1", guarded, secret(tmp_path / "secret", **values))
        assert error.reason is Reason.MODEL_ACCESS_DENIED
        assert told in error.sentence


class TokenRegistry(OciRegistry):
    """A registry that believes the tokens of an issuer alone, as public registries do."""

    issuer: "Issuer"

    def _accounts(self) -> dict[str, Any]:
        return {
            "auth": {
                "token": {
                    "realm": self.issuer.url,
                    "service": "models",
                    "issuer": "tests",
                    "rootcertbundle": str(self.issuer.authority.certificate),
                }
            }
        }


class Issuer:
    """The token server of a registry: those of vendors are no programs that can be had, so it is made here."""

    def __init__(self, folder: Path, trusted: Authority) -> None:
        self.authority = Authority(folder)
        certificate, key = self.authority.server(HERE)
        body = "".join(line for line in certificate.read_text().splitlines() if "-----" not in line)
        self._chain, self._key = [body], key.read_text()
        self.asked: list[dict[str, list[str]]] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                issuer.asked.append(query)
                is_known = self.headers.get("Authorization") == basic(*READER)
                self.send_response(200 if is_known else 401)
                self.end_headers()
                self.wfile.write(json.dumps({"token": issuer.token(query)}).encode() if is_known else b"{}")

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer((HERE, 0), Handler)
        # A login is sent over https only.
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*trusted.server(HERE))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://{HERE}:{self.server.server_port}/token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, query: Mapping[str, list[str]]) -> str:
        kind, name, actions = query["scope"][0].split(":")
        now = int(time.time())
        access = [{"type": kind, "name": name, "actions": actions.split(",")}]
        claims = {"iss": "tests", "sub": "x", "aud": "models", "nbf": now - 5, "exp": now + 60, "access": access}
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"x5c": self._chain})


class TestTokens:
    def test_a_token_is_asked_for(self, tmp_path: Path) -> None:
        server = TokenRegistry(tmp_path / "registry", address=HERE, accounts={})
        issuer = Issuer(tmp_path / "issuer", server.authority)
        server.issuer = issuer
        with server:
            token = issuer.token({"scope": ["repository:models/m:pull,push"]})
            pusher = Pusher(server, "models/m", {"Authorization": f"Bearer {token}"})
            pusher.manifest("1", pusher.layer(tar({"models/a": b"x"}), OCI_LAYER))
            login = secret(tmp_path / "secret", username=READER[0], password=READER[1])
            assert fetched(opened(pusher.uri("1"), server, login), tmp_path) == {"a": b"x"}
            assert issuer.asked == [{"service": ["models"], "scope": ["repository:models/m:pull"]}]
            wrong = secret(tmp_path / "wrong", username=READER[0], password="wrong")
            assert failure(pusher.uri("1"), server, wrong).reason is Reason.MODEL_ACCESS_DENIED
        issuer.server.shutdown()

    def test_a_refresh_token_is_not_sent_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[dict[str, Any]] = []
        monkeypatch.setattr(Server, "ask", lambda _, method, realm, **options: asked.append({method: realm, **options}))
        source = OciSource("r.example.com", "models/m")
        server = Server("r.example.com", "spec.model.uri", Credentials.read(None), "", new_session(None))
        Registry(source, server, Login(refresh_token="stands for a password"))._ask_for_token("https://auth/token", {})
        assert asked[0]["data"]["refresh_token"] == "stands for a password"
        assert asked[0]["allow_redirects"] is False
