"""Adds the object to every log line that is written during a pass over it.

Kopf's formatters show it: as the field `object` in JSON, as a prefix in text.
"""

import logging
from contextvars import ContextVar

from nereid.api.names import API_VERSION, KIND

_key: ContextVar[tuple[str, str] | None] = ContextVar("key", default=None)


def set_logged_object(key: tuple[str, str]) -> None:
    """Set the ModelDeployment (namespace, name) of all later log lines, here and in tasks that are started here.

    It applies until the next call, so that a worker's line about a failed pass names its object too.
    """
    _key.set(key)


class ObjectFilter(logging.Filter):
    """Adds the object to records that have none; it filters nothing out."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the object to a record, in the way of Kopf's own object loggers."""
        key = _key.get()
        if key is not None and not hasattr(record, "k8s_ref"):
            namespace, name = key
            record.k8s_ref = {"apiVersion": API_VERSION, "kind": KIND, "namespace": namespace, "name": name}
        return True
