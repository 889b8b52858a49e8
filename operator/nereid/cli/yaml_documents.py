"""YAML as kubectl reads it and as people write it."""

from typing import Any

import yaml


def read_documents(text: str) -> list[Any]:
    """Return all documents of a text; raises yaml.YAMLError if it is not YAML."""
    return list(yaml.load_all(text, Loader=Loader))


def written(document: Any) -> str:
    """Return a document as YAML, without anchors, its fields in their order."""
    return yaml.dump(document, Dumper=PlainDumper, sort_keys=False, allow_unicode=True, width=120)


class Loader(yaml.SafeLoader):
    """Reads YAML as kubectl does: a date is a string."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML declares it as it is
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class PlainDumper(yaml.SafeDumper):
    """Writes YAML as people write manifests: without anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        """Write equal values out each time."""
        return True
