"""The command line of the init container: `nereid fetch`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import click

from nereid.contract.fetch_errors import FetchError
from nereid.contract.fetch_request import ForestBackend, Format, Request
from nereid.contract.process import begin, leave_word
from nereid.models.fetch.job import fetch as fetch_model
from nereid.models.unforeseen import unforeseen

F = TypeVar("F", bound=Callable[..., Any])


class Fields(click.ParamType[dict[str, Any]]):
    """A JSON object."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        """Return the object that the text is."""
        try:
            fields = value if isinstance(value, dict) else json.loads(value)
        except ValueError as error:
            self.fail(f"it is no JSON ({error})", param, ctx)
        if not isinstance(fields, dict):
            self.fail("it is no JSON object", param, ctx)
        return fields


class RelativePath(click.ParamType[PurePosixPath]):
    """A path that does not lead out of where it begins."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> PurePosixPath:
        """Return the path."""
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts:
            self.fail("it leads out of the source: write it relative and without '..'", param, ctx)
        return path


def _located(option: str, explained: str, default: Path | None = None) -> Callable[[F], F]:
    kind = click.Path(path_type=Path)
    return click.option(option, type=kind, default=default, show_default=default is not None, help=explained)


@click.command()
@click.option("--uri", required=True, help="Where the model is, as in spec.model.uri, with references resolved.")
@click.option("--path", type=RelativePath(), help="File or folder within the source.")
@click.option("--endpoint", help="URL of the server, if it is not the public one.")
@click.option(
    "--format",
    "format",
    type=click.Choice([known.value for known in Format]),
    required=True,
    help="Format of the model.",
)
@click.option("--model-name", required=True, help="Name under which Triton serves the model.")
@click.option(
    "--destination",
    type=click.Path(path_type=Path),
    required=True,
    help="Triton's model repository, in which the model is placed.",
)
@click.option("--digest", help="Expected sha256:HEX of the file or folder.")
@_located("--ca-bundle", "PEM certificates to trust in addition to the public ones.")
@_located("--credentials", "Folder with a file for each key of the Secret.")
@_located("--cache", "Shared cache volume, so that only one pod downloads the model.")
@click.option("--cache-limit", type=click.IntRange(min=1), help="Maximum size of the cache in bytes.")
@click.option("--config", type=Fields(), default="{}", help="Fields of Triton's ModelConfig to merge, as JSON.")
@click.option(
    "--forest-backend",
    type=click.Choice([known.value for known in ForestBackend]),
    default=ForestBackend.FIL.value,
    show_default=True,
    help="Backend of sklearn, xgboost and lightgbm models.",
)
@_located("--claim-mount", "Where the claim of a pvc:// URI is mounted.", Path("/mnt/model"))
@_located("--image-mount", "Where the image volume of an oci:// URI is mounted; if omitted, the image is fetched.")
@_located("--termination-log", "File to which the outcome is written as one line.", Path("/dev/termination-log"))
def fetch(termination_log: Path, image_mount: Path | None, **options: Any) -> None:
    """Fetch a model into Triton's model repository. The init container of every pod runs this command."""
    begin()
    request = Request(mounted=image_mount, **_typed(options))
    try:
        fetched = fetch_model(request)
    except FetchError as error:
        raise _failed(error, termination_log) from error
    except Exception as error:
        raise _failed(unforeseen(error), termination_log) from error
    click.echo(f"Model {request.model_name} is at {fetched.model}")
    leave_word(termination_log, f"{fetched.facts.line()}\n")


def _failed(error: FetchError, termination_log: Path) -> SystemExit:
    click.echo(str(error), err=True)
    leave_word(termination_log, f"{error}\n")
    return SystemExit(1)


def _typed(options: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {"format": Format(options["format"]), "forest_backend": ForestBackend(options["forest_backend"])}
    return {**options, **chosen}
