"""YAML as kubectl reads it and as people write it."""

from typing import Any, Final

import yaml

from nereid.contract.foreign_text import YAML_LEVELS, YAML_VALUES

_TOO_DEEP: Final = f"it is nested more than {YAML_LEVELS} levels deep"


class TooLargeError(yaml.YAMLError):
    """A document that is nested too deeply, or whose aliases make it larger than it is written."""


def read_documents(text: str) -> list[Any]:
    """Return all documents of a text; raises yaml.YAMLError if it is not YAML, or TooLargeError (one of them)."""
    return list(yaml.load_all(text, Loader=Loader))


def written(document: Any) -> str:
    """Return a document as YAML, without anchors, its fields in their order."""
    return yaml.dump(document, Dumper=PlainDumper, sort_keys=False, allow_unicode=True, width=120)


class Loader(yaml.SafeLoader):
    """Reads YAML as kubectl does: a date is a string, and aliases do not make a few lines into millions."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML declares it as it is
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    _level = 0

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        """Read a bracket; what PyYAML does for each of them grows with the number of those that are open."""
        if self.flow_level > YAML_LEVELS:
            raise TooLargeError(_TOO_DEEP)
        super().fetch_flow_collection_start(token)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Read a value."""
        if self._level > YAML_LEVELS:
            raise TooLargeError(_TOO_DEEP)
        self._level += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self._level -= 1
        return node

    def compose_document(self) -> yaml.Node | None:
        """Read a document; raises TooLargeError before anything is made of one that is too large."""
        node: yaml.Node | None = super().compose_document()
        if node is not None and _size(node, {}) > YAML_VALUES:
            raise TooLargeError(f"with its aliases written out, it has more than {YAML_VALUES} values")
        return node


class PlainDumper(yaml.SafeDumper):
    """Writes YAML as people write manifests: without anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        """Write equal values out each time."""
        return True


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node has with its aliases written out; each node is looked at once."""
    if id(node) not in known:
        # What contains itself has no end.
        known[id(node)] = YAML_VALUES + 1
        if isinstance(node, yaml.MappingNode):
            known[id(node)] = 1 + sum(_size(part, known) for pair in node.value for part in pair)
        else:
            parts = node.value if isinstance(node, yaml.SequenceNode) else ()
            known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(node)]
