"""Alerts as Prometheus tells of them, and what to wait for: that one fires, and that it is over."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit
from urllib.request import urlopen

from digits.cluster import Cluster, wait_for
from digits.model_deployment import ModelDeployment

RUNBOOKS: Final = Path(__file__).parents[3] / "docs" / "runbooks"
_TIMEOUT_SECONDS: Final = 10
# With what the fault itself needs to show, on a machine that does much else.
_FIRE_SECONDS: Final = 120
# A minute's rate has to forget the fault, and the windows of a burn rate come after that.
_CLEAR_SECONDS: Final = 180


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that fires, or is about to."""

    name: str
    state: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Alerts:
    """The alerts about one ModelDeployment, about the operator, or about the activator."""

    cluster: Cluster = field(repr=False)
    namespace: str
    name: str

    @classmethod
    def about(cls, served: ModelDeployment) -> "Alerts":
        """Return the alerts about a ModelDeployment."""
        return cls(served.cluster, served.namespace, served.name)

    @classmethod
    def about_operator(cls, cluster: Cluster) -> "Alerts":
        """Return the alerts about the operator."""
        metadata = cluster.operator["metadata"]
        return cls(cluster, metadata["namespace"], metadata["name"])

    @classmethod
    def about_activator(cls, cluster: Cluster) -> "Alerts":
        """Return the alerts about the activator."""
        metadata = cluster.operator["metadata"]
        return cls(cluster, metadata["namespace"], f"{metadata['name']}-activator")

    def firing(self) -> list[Alert]:
        """Return the alerts that fire now."""
        return [alert for alert in self._known() if alert.state == "firing"]

    def wait_until_fires(self, name: str, **labels: str) -> None:
        """Wait until an alert with these labels fires; it says how bad that is, and its runbook is there."""
        found = wait_for(
            f"{name} {labels or ''} fires",
            lambda: self._firing((name,), labels),
            seconds=_FIRE_SECONDS,
            seen=self._describe,
        )
        for alert in found:
            assert alert.labels["severity"] in ("critical", "warning"), alert
            assert {"summary", "description"} <= alert.annotations.keys(), alert
            page = PurePosixPath(urlsplit(alert.annotations["runbook_url"]).path).name
            assert page == f"{name}.md", alert
            assert (RUNBOOKS / page).is_file(), alert

    def wait_until_clear(self, *names: str, **labels: str) -> None:
        """Wait until none of these alerts fires any more with these labels."""
        wait_for(
            f"{', '.join(names)} {labels or ''}: over",
            lambda: not self._firing(names, labels),
            seconds=_CLEAR_SECONDS,
            seen=self._describe,
        )

    def _firing(self, names: Collection[str], labels: Mapping[str, str]) -> list[Alert]:
        return [alert for alert in self.firing() if alert.name in names and labels.items() <= alert.labels.items()]

    def _known(self) -> list[Alert]:
        with urlopen(f"{self.cluster.prometheus_url}/api/v1/alerts", timeout=_TIMEOUT_SECONDS) as response:
            found = json.load(response)["data"]["alerts"]
        alerts = [Alert(one["labels"]["alertname"], one["state"], one["labels"], one["annotations"]) for one in found]
        mine = (self.namespace, self.name)
        return [alert for alert in alerts if (alert.labels.get("namespace"), alert.labels.get("name")) == mine]

    def _describe(self) -> str:
        return "\n".join([f"Alerts about {self.namespace}/{self.name}:", *map(str, self._known())])
