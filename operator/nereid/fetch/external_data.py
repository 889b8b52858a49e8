"""ONNX's external data: the weights of a large model, in files beside the graph and named after it.

The graph alone is no model, so whoever names its file means these as well.
"""

from pathlib import Path

from nereid.fetch.repository import content


def is_external_data(name: str, graph: str) -> bool:
    """Tell whether a file beside a graph's is named as exporters name its weights: m.onnx_data, m.onnx.data."""
    return name.startswith((f"{graph}_data", f"{graph}.data"))


def external_data(graph: Path) -> list[Path]:
    """Return the files of weights beside a graph's file."""
    return [path for path in content(graph.parent) if is_external_data(path.name, graph.name) and path.is_file()]
