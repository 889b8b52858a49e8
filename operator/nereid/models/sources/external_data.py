"""ONNX's external data: the weights of a large model, in files beside the graph and named after it.

The graph alone is not a complete model, so a path that names the graph's file selects these files too.
"""

import re
from pathlib import Path
from typing import Final

from nereid.models.sources.repository import content

_GRAPH: Final = ".onnx"
# One file or several: m.onnx_data, m.onnx.data, m.onnx_data_1, m.onnx.data-00001-of-00002.
_WEIGHTS: Final = re.compile(r"[._]data(_?\d+|-.*)?")


def is_external_data(name: str, graph: str) -> bool:
    """Whether a file beside a graph's has the name of its weights, as exporters write it: m.onnx_data, m.onnx.data."""
    has_prefix = graph.endswith(_GRAPH) and name.startswith(graph)
    return has_prefix and _WEIGHTS.fullmatch(name.removeprefix(graph)) is not None


def external_data(graph: Path) -> list[Path]:
    """Return the files of weights beside a graph's file; none if its folder may not be listed."""
    try:
        return [path for path in content(graph.parent) if is_external_data(path.name, graph.name) and path.is_file()]
    except PermissionError:
        return []
