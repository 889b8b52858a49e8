"""The cluster and namespace of a command, by the same options as kubectl's."""

import functools
import logging
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException, list_kube_config_contexts, load_incluster_config, load_kube_config

from nereid.cli.failures import explained

_POD_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Connection:
    """The options that say which cluster and namespace are meant."""

    kubeconfig: str | None
    context: str | None
    namespace: str | None

    def open(self) -> tuple[ApiClient, str]:
        """Return a client and the namespace.

        Raises ConfigException if there is no usable kubeconfig.
        """
        # The library logs each retry to standard error; the failure is reported once, at the end.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        configuration = Configuration()
        configuration.retries = 1
        try:
            load_kube_config(self.kubeconfig, self.context, client_configuration=configuration, persist_config=False)
            default = self._namespace_of_context()
        except ConfigException:
            if self.kubeconfig or self.context or "KUBERNETES_SERVICE_HOST" not in os.environ:
                raise
            load_incluster_config(client_configuration=configuration)
            default = _POD_NAMESPACE.read_text().strip()
        return ApiClient(configuration), self.namespace or default

    def command_line(self, command: str, *arguments: str) -> str:
        """Return a command as the user would type it, for the same cluster and namespace."""
        options = {"--namespace": self.namespace, "--context": self.context, "--kubeconfig": self.kubeconfig}
        given_options = [part for option, value in options.items() if value for part in (option, value)]
        program = click.get_current_context().find_root().info_name or "nereid"
        return f"{program} {shlex.join([command, *arguments, *given_options])}"

    def _namespace_of_context(self) -> str:
        contexts, active = list_kube_config_contexts(self.kubeconfig)
        chosen = next((context for context in contexts if context["name"] == self.context), active)
        namespace: str = chosen["context"].get("namespace") or "default"
        return namespace


def connects(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a connection; its first argument is the Connection. Failures become sentences."""

    @functools.wraps(command)
    def connected(
        *arguments: Any, namespace: str | None, context: str | None, kubeconfig: str | None, **options: Any
    ) -> None:
        with explained():
            command(Connection(kubeconfig, context, namespace), *arguments, **options)

    for option in (
        click.option("--kubeconfig", metavar="FILE", help="Path of the kubeconfig. Default: as for kubectl."),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig. Default: the current one."),
        click.option("--namespace", "-n", metavar="NAME", help="Namespace. Default: the context's."),
    ):
        connected = option(connected)
    return connected
