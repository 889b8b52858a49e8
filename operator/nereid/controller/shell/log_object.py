"""Which object a log line is about, on every line that is written while a pass works on it.

Kopf's formatters show it: as the field `object` in JSON, as a prefix in text.
"""

import logging
from contextvars import ContextVar

from nereid.api.names import API_VERSION, KIND

_key: ContextVar[tuple[str, str] | None] = ContextVar("key", default=None)


def set_logged_object(key: tuple[str, str]) -> None:
    """Let all that is logged from now on, here and in tasks begun here, be about the ModelDeployment (namespace, name).

    It holds until the next one, so that what a worker says of a pass that failed names its object too.
    """
    _key.set(key)


class ObjectFilter(logging.Filter):
    """Adds the object to records that name none; it lets all of them pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mark a record, which is what Kopf's own object loggers do."""
        key = _key.get()
        if key is not None and not hasattr(record, "k8s_ref"):
            namespace, name = key
            record.k8s_ref = {"apiVersion": API_VERSION, "kind": KIND, "namespace": namespace, "name": name}
        return True
