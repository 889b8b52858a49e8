"""Which namespaces may have which hosts at which Gateways, as the installer says. Pure."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

NAMESPACE: Final = "{{namespace}}"

Patterns = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class HostRule(BaseModel):
    """Hosts that some namespaces may have at some Gateways.

    In each of its patterns, `*` stands for any text; a host `*.DOMAIN` is any name below the domain. `{{namespace}}` is
    the namespace that asks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespaces: Patterns
    hosts: Patterns
    gateways: Patterns = ("*",)

    def is_for(self, namespace: str) -> bool:
        """Whether the rule says anything about a namespace."""
        return any(fnmatchcase(namespace, pattern) for pattern in self.namespaces)

    def has_gateway(self, namespace: str, gateway: str) -> bool:
        """Whether it is about the Gateway NAMESPACE/NAME."""
        return any(fnmatchcase(gateway, pattern.replace(NAMESPACE, namespace)) for pattern in self.gateways)

    def has_host(self, namespace: str, host: str) -> bool:
        """Whether it is about a host."""
        return any(fnmatchcase(host, pattern) for pattern in self.hosts_of(namespace))

    def hosts_of(self, namespace: str) -> tuple[str, ...]:
        """Return the patterns of its hosts, for a namespace."""
        return tuple(pattern.replace(NAMESPACE, namespace) for pattern in self.hosts)


def may_use(rules: Sequence[HostRule], namespace: str, gateway: str) -> bool:
    """Whether a namespace may have any host at a Gateway."""
    return any(rule.is_for(namespace) and rule.has_gateway(namespace, gateway) for rule in rules)


def may_have(rules: Sequence[HostRule], namespace: str, host: str, gateway: str) -> bool:
    """Whether a namespace may have a host at a Gateway."""
    return any(
        rule.is_for(namespace) and rule.has_gateway(namespace, gateway) and rule.has_host(namespace, host)
        for rule in rules
    )


def names_gateway(rules: Sequence[HostRule], namespace: str, gateway: str) -> bool:
    """Whether a rule allows a namespace a Gateway by its name, and not as one of many."""
    return any(rule.is_for(namespace) and gateway in rule.gateways for rule in rules)


def hosts_of(rules: Sequence[HostRule], namespace: str) -> tuple[str, ...]:
    """Return the patterns of all hosts that a namespace may have somewhere."""
    return tuple(dict.fromkeys(host for rule in rules if rule.is_for(namespace) for host in rule.hosts_of(namespace)))
