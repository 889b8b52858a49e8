"""Models behind https: one file is downloaded, verified, and unpacked when it is a repository."""

from nereid.fetch.archive import unpack
from nereid.fetch.digest import verify_file
from nereid.fetch.download import Limits, download
from nereid.fetch.repository import require_model
from nereid.fetch.request import Format, Request
from nereid.fetch.source import HttpsSource
from nereid.fetch.staging import Staging
from nereid.fetch.trust import trusted_by


def stage_from_web(source: HttpsSource, request: Request, staging: Staging, limits: Limits) -> None:
    """Fill the staging's tree with what the URL holds; raise FetchError when it cannot be had or is no model."""
    if not staging.arrived.exists():
        download(source, staging.download, trusted_by(request.ca_bundle), limits)
        staging.download.rename(staging.arrived)
    verify_file(staging.arrived, request.digest, str(source))
    if request.format is Format.ONNX:
        staging.arrived.rename(staging.model_file(request.model_name))
        return
    repository = unpack(staging.arrived, staging.unpacked, str(source))
    for model in require_model(repository, request.model_name, str(source)):
        model.rename(staging.tree / model.name)
