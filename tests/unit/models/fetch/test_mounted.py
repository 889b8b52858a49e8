"""Models on a claim are linked, and what is wrong with the claim is said."""

import errno
import hashlib
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from nereid.api.model import Format
from nereid.contract.fetch_errors import FetchError, Reason
from nereid.contract.fetch_job import FetchWork
from nereid.models.fetch.job import fetch
from nereid.models.sources.digest import files_below, folder_hashes, tree_digest

MakeRequest = Callable[..., FetchWork]


@pytest.fixture
def claim(tmp_path: Path) -> Path:
    folder = tmp_path / "claim"
    for model in ("digits", "iris"):
        (folder / "repository" / model / "1").mkdir(parents=True)
        (folder / "repository" / model / "1" / "model.onnx").write_bytes(model.encode())
    (folder / "repository" / "README.md").write_text("no model")
    (folder / "digits.onnx").write_bytes(b"onnx")
    return folder


def entries(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.name != ".nereid-fetched.json")


def failure(request: FetchWork) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetch(request)
    return caught.value


def test_a_file_is_linked(claim: Path, request_for: MakeRequest) -> None:
    request = request_for("pvc://models/digits.onnx", format=Format.ONNX)
    model = fetch(request).model
    assert (model / "1" / "model.onnx").readlink() == claim / "digits.onnx"
    assert entries(request.destination) == ["digits"]


def test_a_repository_is_linked_model_by_model(claim: Path, request_for: MakeRequest) -> None:
    request = request_for("pvc://models/repository/")
    fetch(request)
    assert entries(request.destination) == ["digits", "iris"]
    assert (request.destination / "iris").readlink() == claim / "repository" / "iris"


def test_the_claim_itself_may_be_the_repository(claim: Path, request_for: MakeRequest) -> None:
    request = request_for("pvc://models", claim_mount=claim / "repository")
    fetch(request)
    assert entries(request.destination) == ["digits", "iris"]


def test_an_archive_is_unpacked(claim: Path, request_for: MakeRequest) -> None:
    with tarfile.open(claim / "models.tar.gz", "w:gz") as tar:
        tar.add(claim / "repository", "repository")
    request = request_for("pvc://models/models.tar.gz")
    assert (fetch(request).model / "1" / "model.onnx").read_bytes() == b"digits"
    assert entries(request.destination) == ["digits", "iris"]


def test_a_second_run_changes_nothing(claim: Path, request_for: MakeRequest) -> None:
    request = request_for("pvc://models/repository")
    fetch(request)
    (claim / "repository" / "digits").rename(claim / "elsewhere")
    (request.destination / "digits").unlink()
    (request.destination / "digits").mkdir()
    assert fetch(request).model == request.destination / "digits"


def test_a_digest_is_verified(claim: Path, request_for: MakeRequest) -> None:
    digest = f"sha256:{hashlib.sha256((claim / 'digits.onnx').read_bytes()).hexdigest()}"
    fetch(request_for("pvc://models/digits.onnx", format=Format.ONNX, digest=digest))


def test_a_wrong_digest_is_told_with_both_digests(claim: Path, request_for: MakeRequest) -> None:
    digest = f"sha256:{hashlib.sha256((claim / 'digits.onnx').read_bytes()).hexdigest()}"
    request = request_for("pvc://models/digits.onnx", format=Format.ONNX, digest=f"sha256:{'0' * 64}")
    error = failure(request)
    assert error.reason is Reason.MODEL_DIGEST_MISMATCH
    assert f"has the digest {digest}, but sha256:{'0' * 64} is expected" in error.sentence
    assert entries(request.destination) == []


def test_a_missing_claim_is_not_found(request_for: MakeRequest) -> None:
    error = failure(request_for("pvc://models/digits.onnx"))
    assert error.reason is Reason.MODEL_NOT_FOUND
    assert "the claim models is not mounted" in error.sentence


@pytest.mark.usefixtures("claim")
@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        (
            "pvc://models/digit.onnx",
            "pvc://models/digit.onnx does not exist; pvc://models holds digits.onnx, repository",
        ),
        ("pvc://models/repository/mnist", "pvc://models/repository holds README.md, digits, iris: correct"),
        ("pvc://models/a/b/c", "pvc://models/a/b/c does not exist; pvc://models holds digits.onnx, repository"),
        ("pvc://models/digits.onnx/7", "pvc://models holds digits.onnx, repository"),
    ],
)
def test_a_missing_path_is_told_with_what_is_there(uri: str, sentence: str, request_for: MakeRequest) -> None:
    error = failure(request_for(uri))
    assert error.reason is Reason.MODEL_NOT_FOUND
    assert sentence in error.sentence


def test_a_long_listing_is_cut(claim: Path, request_for: MakeRequest) -> None:
    for number in range(20):
        (claim / f"a{number:02}").touch()
    assert (
        "holds a00, a01, a02, a03, a04, a05, a06, a07, a08, a09 and 12 more"
        in failure(request_for("pvc://m/x")).sentence
    )


def test_what_is_no_repository_is_invalid(claim: Path, request_for: MakeRequest) -> None:
    (claim / "empty").mkdir()
    (claim / "void.onnx").touch()
    (claim / "out").symlink_to("/etc")
    cases = {
        "pvc://models/repository": ("holds digits, iris, but no model named mnist: set spec.model.name", {}),
        "pvc://models/repository/digits": ("is a model and not a model repository", {}),
        "pvc://models/empty": ("holds nothing, but no model", {}),
        "pvc://models/": ("holds digits.onnx, empty, out, repository, void.onnx, but no model", {}),
        "pvc://models/digits.onnx": ("is not a valid .tar.gz", {}),
        "pvc://models/void.onnx": ("is empty", {"format": Format.ONNX}),
        "pvc://models/repository/": ("holds 2 of the files .onnx", {"format": Format.ONNX}),
        "pvc://models/out": ("is a link that points outside its volume", {}),
    }
    for uri, (sentence, changes) in cases.items():
        error = failure(request_for(uri, model_name="mnist", **changes))
        assert error.reason is Reason.MODEL_INVALID
        assert sentence in error.sentence


def test_a_model_may_have_a_configuration_alone(claim: Path, request_for: MakeRequest) -> None:
    (claim / "repository" / "ensemble").mkdir()
    (claim / "repository" / "ensemble" / "config.pbtxt").write_text('platform: "ensemble"')
    assert (fetch(request_for("pvc://models/repository", model_name="ensemble")).model / "1").is_dir()
    assert entries(claim / "repository" / "ensemble") == ["config.pbtxt"]


def test_an_unreadable_file_is_told(claim: Path, request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)  # root, who may run the tests, may read everything
    error = failure(request_for("pvc://models/digits.onnx", format=Format.ONNX, digest="sha256:0"))
    assert error.reason is Reason.MODEL_FETCH_FAILED
    assert f"{claim}/digits.onnx cannot be read by user" in error.sentence


@pytest.mark.usefixtures("claim")
def test_a_path_is_chosen_within_the_claim(request_for: MakeRequest) -> None:
    request = request_for("pvc://models/repository", format=Format.ONNX, path=PurePosixPath("iris/1/model.onnx"))
    assert (fetch(request).model / "1" / "model.onnx").read_bytes() == b"iris"


@pytest.mark.usefixtures("claim")
def test_a_missing_path_within_the_claim_is_told(request_for: MakeRequest) -> None:
    error = failure(request_for("pvc://models/repository", path=PurePosixPath("mnist")))
    assert error.reason is Reason.MODEL_NOT_FOUND
    assert "pvc://models/repository holds README.md, digits, iris: correct spec.model.path" in error.sentence


def test_the_digest_of_a_folder_is_verified(claim: Path, request_for: MakeRequest) -> None:
    digest = tree_digest(folder_hashes(claim / "repository"))
    facts = fetch(request_for("pvc://models/repository", digest=digest)).facts
    assert (facts.digest, facts.files) == (digest, 3)
    error = failure(
        request_for("pvc://models/repository", digest=f"sha256:{'0' * 64}", destination=claim.parent / "other")
    )
    assert error.reason is Reason.MODEL_DIGEST_MISMATCH


def test_the_digest_of_a_folder_counts_each_place_of_what_is_linked(claim: Path) -> None:
    repository = claim / "repository"
    for name in ("mnist", "again"):
        (repository / name).symlink_to(repository / "iris")
    (repository / "iris" / "circle").symlink_to(repository)
    command = "find -L . -type f -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
    ran = subprocess.run(command, shell=True, cwd=repository, check=True, capture_output=True, text=True)
    assert tree_digest(folder_hashes(repository)) == f"sha256:{ran.stdout.split()[0]}"


def test_an_image_is_linked(claim: Path, request_for: MakeRequest) -> None:
    request = request_for(
        "oci://r.example.com/models:7", format=Format.ONNX, mounted=claim, path=PurePosixPath("digits.onnx")
    )
    assert (fetch(request).model / "1" / "model.onnx").readlink() == claim / "digits.onnx"


def test_an_image_that_is_not_mounted_is_told(tmp_path: Path, request_for: MakeRequest) -> None:
    error = failure(request_for("oci://r.example.com/models:7", mounted=tmp_path / "nowhere"))
    assert "the image oci://r.example.com/models:7 is not mounted" in error.sentence


def test_the_configuration_of_a_claim_is_never_written(claim: Path, request_for: MakeRequest) -> None:
    config = claim / "repository" / "digits" / "config.pbtxt"
    config.write_text("max_batch_size: 2")
    model = fetch(request_for("pvc://models/repository", config={"maxBatchSize": 8})).model
    assert config.read_text() == "max_batch_size: 2"
    assert "max_batch_size: 8" in (model / "config.pbtxt").read_text()


def test_an_image_has_its_model_below_models_as_when_it_is_fetched(claim: Path, request_for: MakeRequest) -> None:
    (claim / "repository").rename(claim / "models")
    request = request_for("oci://r.example.com/models:7", mounted=claim)
    assert (fetch(request).model / "1" / "model.onnx").is_file()


def test_the_only_file_of_a_folder_may_be_named_by_its_own_digest(tmp_path: Path, request_for: MakeRequest) -> None:
    (tmp_path / "claim" / "one").mkdir(parents=True)
    (tmp_path / "claim" / "one" / "m.onnx").write_bytes(b"model")
    own = f"sha256:{hashlib.sha256(b'model').hexdigest()}"
    listed = tree_digest(folder_hashes(tmp_path / "claim" / "one"))
    for number, digest in enumerate((own, listed)):
        request = request_for(
            "pvc://models/one", format=Format.ONNX, digest=digest, destination=tmp_path / f"models{number}"
        )
        assert fetch(request).facts.digest == digest


def test_a_graph_on_a_claim_has_its_weights_and_one_digest_with_them(tmp_path: Path, request_for: MakeRequest) -> None:
    folder = tmp_path / "claim" / "onnx"
    folder.mkdir(parents=True)
    for name in ("m.onnx", "m.onnx_data", "m_fp16.onnx", "m_fp16.onnx_data"):
        (folder / name).write_text(name)
    command = "sha256sum ./m.onnx ./m.onnx_data | sha256sum"
    printed = subprocess.run(command, shell=True, cwd=folder, check=True, capture_output=True, text=True).stdout
    digest = f"sha256:{printed.split()[0]}"
    fetched = fetch(request_for("pvc://models/onnx/m.onnx", format=Format.ONNX, digest=digest))
    assert entries(fetched.model / "1") == ["m.onnx_data", "model.onnx"]
    assert (fetched.facts.files, fetched.facts.bytes) == (2, 17)
    graph = f"sha256:{hashlib.sha256(b'm.onnx').hexdigest()}"
    changes = {"format": Format.ONNX, "digest": graph, "destination": tmp_path / "other"}
    assert failure(request_for("pvc://models/onnx/m.onnx", **changes)).reason is Reason.MODEL_DIGEST_MISMATCH


@pytest.fixture
def multiplied(tmp_path: Path) -> Path:
    """Folders of two links each to the next one: a few of them have very many paths."""
    for number in range(16):
        folder = tmp_path / "claim" / f"d{number}"
        folder.mkdir(parents=True)
        for name in "ab":
            (folder / name).symlink_to(f"../d{number + 1}")
    (tmp_path / "claim" / "d16").mkdir()
    (tmp_path / "claim" / "d16" / "f").write_bytes(b"1")
    return tmp_path / "claim" / "d0"


def test_links_that_multiply_files_are_measured_once(multiplied: Path) -> None:
    assert len(list(files_below(multiplied, once=True))) == 1


def test_the_digest_of_links_that_multiply_files_is_refused(multiplied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nereid.models.sources.digest.MOST_LINKED", 1000)
    with pytest.raises(FetchError, match="the links in the folder d0 lead to more than 1000 files") as caught:
        folder_hashes(multiplied)
    assert caught.value.reason is Reason.MODEL_INVALID


def test_files_that_no_link_leads_to_are_not_limited(claim: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nereid.models.sources.digest.MOST_LINKED", 1)
    assert len(folder_hashes(claim)) == 4


@pytest.mark.usefixtures("claim")
def test_a_graph_is_served_from_a_folder_that_may_not_be_listed(
    request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("nereid.models.sources.external_data.content", refuse)
    request = request_for("pvc://models/digits.onnx", format=Format.ONNX)
    assert (fetch(request).model / "1" / "model.onnx").read_bytes() == b"onnx"


def digest_of_folder(folder: Path) -> str:
    return tree_digest(folder_hashes(folder))


def test_what_was_verified_is_served_after_the_claim_has_changed(claim: Path, request_for: MakeRequest) -> None:
    digest = digest_of_folder(claim / "repository")
    model = fetch(request_for("pvc://models/repository", digest=digest)).model
    (claim / "repository" / "digits" / "1" / "model.onnx").write_bytes(b"another")
    assert (model / "1" / "model.onnx").read_bytes() == b"digits"
    assert not [path for path in model.parent.rglob("*") if path.is_symlink()]


def test_one_verified_file_is_served_after_the_claim_has_changed(claim: Path, request_for: MakeRequest) -> None:
    digest = f"sha256:{hashlib.sha256(b'onnx').hexdigest()}"
    model = fetch(request_for("pvc://models/digits.onnx", format=Format.ONNX, digest=digest)).model
    (claim / "digits.onnx").write_bytes(b"another")
    assert (model / "1" / "model.onnx").read_bytes() == b"onnx"


def test_a_verified_archive_is_unpacked_from_its_copy(claim: Path, request_for: MakeRequest) -> None:
    with tarfile.open(claim / "models.tar.gz", "w:gz") as tar:
        tar.add(claim / "repository", "repository")
    digest = f"sha256:{hashlib.sha256((claim / 'models.tar.gz').read_bytes()).hexdigest()}"
    request = request_for("pvc://models/models.tar.gz", digest=digest)
    assert (fetch(request).model / "1" / "model.onnx").read_bytes() == b"digits"
    assert entries(request.destination) == ["digits", "iris"]


def test_a_verified_model_keeps_its_programs_and_empty_folders(claim: Path, request_for: MakeRequest) -> None:
    stub = claim / "repository" / "digits" / "stub"
    stub.write_bytes(b"program")
    stub.chmod(0o755)
    (claim / "repository" / "mnist" / "1").mkdir(parents=True)
    request = request_for("pvc://models/repository", digest=digest_of_folder(claim / "repository"))
    assert (fetch(request).model / "stub").stat().st_mode & 0o100
    assert (request.destination / "mnist" / "1").is_dir()


def test_a_verified_model_brings_no_file_from_outside_its_claim(
    claim: Path, tmp_path: Path, request_for: MakeRequest
) -> None:
    """The container that copies has files that Triton's must not get, such as a token."""
    (tmp_path / "token").write_text("secret")
    (claim / "repository" / "digits" / "1" / "data").symlink_to(tmp_path / "token")
    request = request_for("pvc://models/repository", digest=digest_of_folder(claim / "repository"))
    error = failure(request)
    assert error.reason is Reason.MODEL_INVALID
    assert "has data, a link that points outside its volume" in error.sentence
    assert entries(request.destination) == []


def test_a_verified_model_larger_than_its_bound_is_refused(claim: Path, request_for: MakeRequest) -> None:
    digest = digest_of_folder(claim / "repository")
    error = failure(request_for("pvc://models/repository", digest=digest, max_bytes=10))
    assert error.reason is Reason.MODEL_TOO_LARGE
    assert "pvc://models/repository is larger than the limit of 10: if it is meant" in error.sentence


def test_a_disk_too_small_for_a_verified_copy_is_told(
    claim: Path, request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    digest = digest_of_folder(claim / "repository")
    monkeypatch.setattr("nereid.models.fetch.verified_copy.Tally.bytes", full)
    error = failure(request_for("pvc://models/repository", digest=digest))
    assert error.reason is Reason.MODEL_FETCH_FAILED
    assert "or remove spec.model.digest to serve it from the claim itself" in error.sentence


def test_a_verified_image_is_linked_as_an_image_never_changes(claim: Path, request_for: MakeRequest) -> None:
    digest = f"sha256:{hashlib.sha256(b'onnx').hexdigest()}"
    image = {"mounted": claim, "path": PurePosixPath("digits.onnx"), "digest": digest}
    model = fetch(request_for("oci://r.example.com/models:7", format=Format.ONNX, **image)).model
    assert (model / "1" / "model.onnx").is_symlink()
