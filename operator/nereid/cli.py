"""The command line: the operator's own entry points, and what a user runs offline."""

import sys
from pathlib import Path

import click
import yaml

from nereid import __version__, names
from nereid.api.crd import custom_resource_definition
from nereid.api.reference import reference
from nereid.build.manifests import manifests
from nereid.build.revision import new_record
from nereid.fetch.command import fetch
from nereid.plan import InvalidSpecError, LiveRevision, plan
from nereid.settings import Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nereid")
def main() -> None:
    """Serve models on Triton behind Istio, and roll out each new version with care."""


main.add_command(fetch)


@main.command()
@click.option("--log-format", type=click.Choice(["json", "plain"]), default="json", show_default=True)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning"]), default="info", show_default=True)
def run(log_format: str, log_level: str) -> None:
    """Run the operator until it is told to stop. Settings come from the environment, NEREID_…."""
    from nereid.handlers import run_operator  # noqa: PLC0415 - the other commands need no Kopf

    run_operator(Settings(), log_format=log_format, log_level=log_level)


@main.command()
def crd() -> None:
    """Print the CustomResourceDefinition of ModelDeployment."""
    click.echo("# Generated from operator/nereid/api by `make crds`; do not edit.")
    click.echo(yaml.safe_dump(custom_resource_definition(), sort_keys=False, width=120), nl=False)


@main.command("reference")
def print_reference() -> None:
    """Print the reference of all fields as Markdown."""
    click.echo(reference(), nl=False)


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--namespace", "-n", default="default", show_default=True, help="Namespace of objects that name none.")
def render(file: Path, namespace: str) -> None:
    """Print the manifests that FILE's ModelDeployments become, without a cluster, as in a first rollout."""
    try:
        for document in yaml.load_all(file.read_text(), Loader=_Loader):
            if document and document.get("kind") == names.KIND:
                _render(document, namespace)
    except InvalidSpecError as error:
        click.echo(f"{file}: {error}", err=True)
        sys.exit(1)


def _render(document: dict[str, dict[str, str]], namespace: str) -> None:
    metadata = {"namespace": namespace, "uid": "", **document["metadata"]}
    wanted = plan(metadata, document["spec"], Settings())
    live = [LiveRevision(wanted.revision, wanted.replicas, 100)]
    for wave in manifests(wanted, live, {wanted.revision: new_record(wanted)}):
        for manifest in wave:
            click.echo(f"---\n{yaml.dump(manifest, Dumper=_PlainDumper, sort_keys=False, width=120)}", nl=False)


class _Loader(yaml.SafeLoader):
    """Reads YAML as kubectl does: a date is a string."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML declares it as it is
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _PlainDumper(yaml.SafeDumper):
    """Writes YAML as people write manifests: without anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True
