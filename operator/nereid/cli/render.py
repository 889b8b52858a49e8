"""`nereid render`: the manifests that ModelDeployments become, for review and for tests without a cluster."""

from pathlib import Path

import click
import yaml

from nereid.api import names
from nereid.cli.yaml_documents import PlainDumper, read_documents
from nereid.controller.build.manifests import manifests
from nereid.controller.build.revision import new_record
from nereid.controller.decide.orders import LiveRevision
from nereid.controller.plan.plan import ALL_TRAFFIC
from nereid.controller.plan.reading import InvalidSpecError, read_plan
from nereid.controller.plan.settings import Settings
from nereid.controller.report.queries import queries_not_allowed


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--namespace", "-n", default="default", show_default=True, help="Namespace for objects without one.")
def render(file: Path, namespace: str) -> None:
    """Print the manifests that Nereid would create for the ModelDeployments in FILE, as for a first rollout."""
    try:
        for document in read_documents(file.read_text()):
            if document and document.get("kind") == names.KIND:
                _render(document, namespace)
    except yaml.YAMLError as error:
        raise click.ClickException(f"{file} cannot be read as YAML: {' '.join(str(error).split())}") from error
    except InvalidSpecError as error:
        click.echo(f"{file}: {error}", err=True)
        raise SystemExit(1) from error


def _render(document: dict[str, dict[str, str]], namespace: str) -> None:
    metadata = {"namespace": namespace, "uid": "", **document["metadata"]}
    plan = read_plan(metadata, document["spec"], Settings())
    if not_allowed := queries_not_allowed(plan):
        click.echo(f"{plan.owner.name}: {not_allowed.message} (here: NEREID_ALLOW_QUERIES=true)", err=True)
    live = [LiveRevision(plan.revision, plan.replicas, ALL_TRAFFIC)]
    for wave in manifests(plan, live, {plan.revision: new_record(plan)}):
        for manifest in wave:
            click.echo(f"---\n{yaml.dump(manifest, Dumper=PlainDumper, sort_keys=False, width=120)}", nl=False)
