"""Models on a PersistentVolumeClaim: they are linked, never copied, as the claim is mounted for Triton too."""

from pathlib import Path

from nereid.fetch.archive import unpack
from nereid.fetch.digest import verify_file
from nereid.fetch.errors import FetchError, Reason
from nereid.fetch.repository import content, listing, require_model
from nereid.fetch.request import Format, Request
from nereid.fetch.source import ClaimSource
from nereid.fetch.staging import Staging


def stage_from_claim(source: ClaimSource, request: Request, staging: Staging) -> None:
    """Fill the staging's tree with links to the claim; raise FetchError when the claim does not hold the model."""
    path = _existing_path(source, request.claim_mount)
    if request.format is Format.ONNX:
        _stage_file(path, source, request, staging)
    elif path.is_file():
        _stage_archive(path, source, request, staging)
    else:
        _stage_repository(path, source, request, staging)


def _existing_path(source: ClaimSource, mount: Path) -> Path:
    if not mount.is_dir():
        raise FetchError(
            Reason.MODEL_NOT_FOUND,
            f"the claim {source.claim} is not mounted at {mount}: check that it exists and is bound",
        )
    path = mount / source.path
    if not path.exists():
        raise FetchError(Reason.MODEL_NOT_FOUND, _what_is_there(source, mount))
    if not path.resolve().is_relative_to(mount.resolve()):
        raise FetchError(
            Reason.MODEL_INVALID, f"{source} is a link out of its claim: put the model itself on the claim"
        )
    return path


def _what_is_there(source: ClaimSource, mount: Path) -> str:
    nearest = next(parent for parent in source.path.parents if (mount / parent).is_dir())
    held = listing(entry.name for entry in content(mount / nearest))
    return f"{source} does not exist; {ClaimSource(source.claim, nearest)} holds {held}: correct spec.model.uri"


def _stage_file(path: Path, source: ClaimSource, request: Request, staging: Staging) -> None:
    if path.is_dir():
        held = listing(entry.name for entry in content(path))
        raise FetchError(
            Reason.MODEL_INVALID,
            f"{source} is a directory holding {held}, but spec.model.format onnx needs one file: "
            "name the file in spec.model.uri, or set spec.model.format to triton",
        )
    verify_file(path, request.digest, str(source))
    staging.model_file(request.model_name).symlink_to(path)


def _stage_archive(path: Path, source: ClaimSource, request: Request, staging: Staging) -> None:
    verify_file(path, request.digest, str(source))
    repository = unpack(path, staging.unpacked, str(source))
    for model in require_model(repository, request.model_name, str(source)):
        model.rename(staging.tree / model.name)


def _stage_repository(path: Path, source: ClaimSource, request: Request, staging: Staging) -> None:
    if request.digest:
        raise FetchError(
            Reason.MODEL_INVALID, f"spec.model.digest needs a single file, but {source} is a directory: leave it out"
        )
    for model in require_model(path, request.model_name, str(source)):
        (staging.tree / model.name).symlink_to(model)
