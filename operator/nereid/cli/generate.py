"""`nereid crd` and `nereid reference`: what is generated from the types of the API."""

import click
import yaml

from nereid.api.crd import custom_resource_definition
from nereid.api.reference import reference


@click.command()
def crd() -> None:
    """Print the CustomResourceDefinition of ModelDeployment."""
    click.echo("# Generated from operator/nereid/api by `make crds`; do not edit.")
    click.echo(yaml.safe_dump(custom_resource_definition(), sort_keys=False, width=120), nl=False)


@click.command("reference")
def print_reference() -> None:
    """Print the reference of all fields of ModelDeployment as Markdown."""
    click.echo(reference(), nl=False)
