"""Versions, runs and logged models of MLflow's tracking server, with the fields that Nereid needs.

Each is parsed from the JSON of MLflow's REST API, which omits empty fields; a KeyError, TypeError, ValueError or
AttributeError means that the JSON is not MLflow's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version of a registered model; `run_id` is the run that made it, if the registry has one."""

    name: str
    version: str
    run_id: str | None = None

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "ModelVersion":
        """Read a `model_version`."""
        return cls(str(content["name"]), str(content["version"]), content.get("run_id") or None)


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model that a run logged; its files are at `artifact_location`."""

    model_id: str
    name: str
    artifact_location: str
    creation_timestamp: int
    """Milliseconds since 1970."""

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "LoggedModel":
        """Read a `model`."""
        info = content["info"]
        created = int(info.get("creation_timestamp_ms", 0))
        return cls(str(info["model_id"]), str(info.get("name", "")), str(info["artifact_uri"]), created)


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A data set that a run used, with the tags that describe its use."""

    name: str
    digest: str
    tags: Mapping[str, str]

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "DatasetInput":
        """Read an entry of a run's `dataset_inputs`."""
        dataset = content["dataset"]
        return cls(str(dataset["name"]), str(dataset["digest"]), _tags(content))


@dataclass(frozen=True, slots=True)
class Run:
    """A run: where its files are, which models it logged, by their ids, and what it was made from."""

    run_id: str
    artifact_uri: str
    tags: Mapping[str, str]
    datasets: tuple[DatasetInput, ...] = ()
    model_ids: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Run":
        """Read a `run`."""
        info = content["info"]
        datasets = content.get("inputs", {}).get("dataset_inputs", [])
        models = content.get("outputs", {}).get("model_outputs", [])
        return cls(
            str(info["run_id"]),
            str(info.get("artifact_uri", "")),
            _tags(content.get("data", {})),
            tuple(map(DatasetInput.from_json, datasets)),
            tuple(str(model["model_id"]) for model in models),
        )


def _tags(content: Mapping[str, Any]) -> Mapping[str, str]:
    tags: Iterable[Mapping[str, Any]] = content.get("tags", [])
    return {str(tag["key"]): str(tag.get("value", "")) for tag in tags}
