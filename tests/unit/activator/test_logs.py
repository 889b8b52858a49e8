"""Log lines: the operator's form, with what a line is about in fields of its own."""

import json
import logging
from typing import Any

from nereid.activator.logs import JsonFormatter


def line(record: logging.LogRecord) -> dict[str, Any]:
    return json.loads(JsonFormatter().format(record))


def test_a_line_is_one_json_object():
    record = logging.getLogger("nereid").makeRecord(
        "nereid", logging.INFO, "f.py", 1, "%s answers", ("digits",), None, extra={"target": "digits", "seconds": 1.5}
    )
    fields = line(record)
    assert fields.pop("timestamp").endswith("+00:00")
    assert fields == {"message": "digits answers", "severity": "info", "target": "digits", "seconds": 1.5}


def test_a_line_tells_of_an_exception():
    error = ValueError("no\nsuch thing")
    record = logging.LogRecord("nereid", logging.ERROR, "f.py", 1, "failed", (), (ValueError, error, None))
    assert "no\nsuch thing" in line(record)["exc_info"]
