"""Log lines in the operator's format: one JSON object each, or plain text."""

import json
import logging
from datetime import UTC, datetime
from typing import Final

# The attributes that every record has; any other was given as extra.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Writes a record, with its extra fields, as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = {"message": record.getMessage()}
        fields |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            fields["exc_info"] = self.formatException(record.exc_info)
        fields["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat()
        fields["severity"] = record.levelname.lower()
        return json.dumps(fields, default=str)


def configure(log_format: str, log_level: str) -> None:
    """Send all logs to standard error: `log_format` is json or plain."""
    handler = logging.StreamHandler()
    plain = logging.Formatter("[%(asctime)s] %(name)-24.24s [%(levelname)-8.8s] %(message)s")
    handler.setFormatter(JsonFormatter() if log_format == "json" else plain)
    logging.basicConfig(level=log_level.upper(), handlers=[handler], force=True)
