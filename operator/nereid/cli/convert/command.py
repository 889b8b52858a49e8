"""`nereid convert`: KServe's InferenceServices in, ModelDeployments out, and the fields that have no counterpart."""

import sys
import textwrap
from collections.abc import Iterator
from typing import TextIO

import click
import yaml

from nereid.cli.convert.conversion import KIND, Conversion, conversions
from nereid.cli.convert.sdk import MissingSdkError
from nereid.cli.terminal import as_json, say
from nereid.cli.yaml_documents import read_documents, written
from nereid.contract.foreign_text import printable

_COMMENT_WIDTH = 120


@click.command()
@click.argument("files", nargs=-1, type=click.File(encoding="utf-8"))
@click.option(
    "--output", "-o", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True, help="Output format."
)
@click.option("--strict", is_flag=True, help="Exit with 1 if any field is lost.")
def convert(files: tuple[TextIO, ...], output: str, *, strict: bool) -> None:
    """Convert KServe InferenceServices in FILES, or from standard input, into ModelDeployments.

    Each field without a counterpart (lost), and anything else to know or to do (note), is reported on standard error
    and as a comment in the YAML. The exit code is 1 if an InferenceService could not be converted.
    """
    is_complete, is_any = True, False
    try:
        for file in files or (sys.stdin,):
            for converted in _conversions(file):
                _report(file.name, converted)
                _write(converted, output)
                is_complete &= not converted.not_converted and not (strict and converted.lost)
                is_any |= not converted.skipped
    except MissingSdkError as error:
        raise click.ClickException(str(error)) from error
    if not is_any:
        click.echo(f"no {KIND} found", err=True)
    if not is_complete:
        raise SystemExit(1)


def _conversions(file: TextIO) -> Iterator[Conversion]:
    try:
        documents = read_documents(file.read())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file.name} is not YAML: {' '.join(str(error).split())}") from error
    yield from conversions(documents)


def _report(file: str, converted: Conversion) -> None:
    for sentence in _lines(converted):
        say(f"{file}: {converted.name}: {sentence}", err=True)


def _write(converted: Conversion, output: str) -> None:
    if converted.skipped:
        return
    if output == "json":
        if converted.manifest:
            click.echo(as_json(converted.manifest))
        return
    comments = [f"From {converted.name}.", *_lines(converted)]
    click.echo("---")
    for comment in comments:
        # YAML knows more ends of lines than people do, and after one of them a comment has ended.
        line = printable(comment)
        click.echo(textwrap.fill(line, _COMMENT_WIDTH, initial_indent="# ", subsequent_indent="#   "))
    if converted.manifest:
        click.echo(written(converted.manifest), nl=False)


def _lines(converted: Conversion) -> list[str]:
    return [
        *(f"skipped: {sentence}" for sentence in (converted.skipped,) if sentence),
        *(f"not converted: {sentence}" for sentence in (converted.not_converted,) if sentence),
        *(f"lost: {sentence}" for sentence in converted.lost),
        *(f"note: {sentence}" for sentence in converted.notes),
    ]
