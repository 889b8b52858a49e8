"""The group of all commands, each imported only when it is called."""

from importlib import import_module
from typing import Any, Final

import click

from nereid import __version__
from nereid.contract.foreign_text import printable_lines

# Modules that `pip install nereid` alone does not bring, by the extra that does.
EXTRAS: Final = {
    "operator": frozenset({"aiohttp", "grpc", "kopf", "multidict", "prometheus_client"}),
    "models": frozenset({"azure", "boto3", "botocore", "google", "requests", "urllib3"}),
    "checks": frozenset({"aiohttp", "numpy", "pyarrow", "tritonclient"}),
    "cli": frozenset({"kubernetes", "rich", "urllib3"}),
}
# The extra of each command in Nereid's own containers; those for people need `cli`.
PROCESSES: Final = {
    "run": "operator",
    "activator": "operator",
    "fetch": "models",
    "fetch-datasets": "models",
    "resolve": "models",
    "tag": "models",
    "check": "checks",
}
CONTAINERS: Final = "Inside Nereid's containers"
SECTIONS: Final = {
    "Inspect": {
        "status": "nereid.cli.status:status",
        "watch": "nereid.cli.watch:watch",
        "list": "nereid.cli.listing:list_all",
        "history": "nereid.cli.history:history",
    },
    "Act": {
        "promote": "nereid.cli.act:promote",
        "abort": "nereid.cli.act:abort",
        "retry": "nereid.cli.act:retry",
        "rollback": "nereid.cli.act:rollback",
        "tune": "nereid.cli.tune.command:tune",
    },
    "Without a cluster": {
        "render": "nereid.cli.render:render",
        "convert": "nereid.cli.convert.command:convert",
        "crd": "nereid.cli.generate:crd",
        "reference": "nereid.cli.generate:print_reference",
    },
    CONTAINERS: {
        "run": "nereid.cli.run:run",
        "activator": "nereid.cli.activator:activator",
        "fetch": "nereid.models.fetch.command:fetch",
        "fetch-datasets": "nereid.models.fetch.datasets_command:fetch_datasets",
        "resolve": "nereid.models.registry.command:resolve",
        "tag": "nereid.models.registry.command:tag",
        "check": "nereid.checks.command:check",
    },
}
_COMMANDS: Final = {name: place for section in SECTIONS.values() for name, place in section.items()}


class LazyGroup(click.Group):
    """A group that imports a command only when it is called, or when the help lists it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Return the names of all commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command, or one that says what to install if a library is missing."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        try:
            command: click.Command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            extra = PROCESSES.get(cmd_name, "cli")
            if (error.name or "").partition(".")[0] not in EXTRAS[extra]:
                raise
            return _not_installed(cmd_name, extra)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a failure is told in text that a terminal only shows."""
        try:
            return super().invoke(ctx)
        except click.UsageError:
            raise
        except click.ClickException as error:
            raise click.ClickException(printable_lines(error.format_message())) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands into the help, by section."""
        for section, places in SECTIONS.items():
            commands = {name: self.get_command(ctx, name) for name in places}
            rows = [(name, command.get_short_help_str(limit=200)) for name, command in commands.items() if command]
            with formatter.section(section):
                formatter.write_dl(rows)


def _not_installed(name: str, extra: str) -> click.Command:
    command = f"pip install '.[{extra}]'"
    sentence = f"this command needs more libraries: install Nereid with its extra, as in {command} in a checkout"

    def fail() -> None:
        raise click.ClickException(sentence)

    return click.Command(
        name,
        callback=fail,
        help=sentence,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="nereid")
def main() -> None:
    """Serve models on Triton behind Istio, and roll out new versions step by step."""


def kubectl_main() -> None:
    """Run as kubectl's plugin: kubectl finds `kubectl-nereid` on the PATH."""
    main(prog_name="kubectl nereid")
