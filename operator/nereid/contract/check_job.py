"""The contract between the operator and the check Job: the work, where its files are, and the outcome.

The Job has two containers: one fetches the data sets that are behind a network, as models are fetched, and one runs the
checks. Both write a JobOutcome as their termination message, and share nothing but the folder of each data set.
"""

from collections.abc import Sequence
from math import ceil
from pathlib import Path, PurePosixPath
from typing import Final

from pydantic import Field
from pydantic.dataclasses import dataclass

from nereid.api import names
from nereid.api.checks import CheckSpec, DatasetSpec
from nereid.api.schema import ApiModel
from nereid.contract.fetch_request import Request

# The environment variable that holds a CheckWork as JSON, and the container that reads it.
ENV_WORK: Final = "NEREID_CHECKS"
CONTAINER_CHECK: Final = "check"
# The environment variable that holds a DatasetsWork as JSON, and the container that reads it.
ENV_DATASETS: Final = "NEREID_DATASETS"
CONTAINER_DATASETS: Final = "fetch-datasets"

# Where claims and ConfigMaps are mounted, each under its own name.
CLAIMS: Final = PurePosixPath("/mnt/claims")
CONFIG_MAPS: Final = PurePosixPath("/mnt/config-maps")
# Where Secrets are, for the container that fetches.
SECRETS: Final = PurePosixPath("/mnt/secrets")
# Where fetched data sets are, each in a folder of its own, in a volume that ends with the pod.
DOWNLOADS: Final = PurePosixPath("/tmp")  # noqa: S108 - a mount of its own, not a shared folder
MAX_DOWNLOAD_BYTES: Final = 2 << 30

# Linux allows 128 KiB in one environment variable, and the variable does not hold the checks alone.
MAX_CHECKS_BYTES: Final = 96 << 10
# What the kubelet keeps of a container's termination message.
MAX_OUTCOME_BYTES: Final = 4096


class CheckWork(ApiModel):
    """The work of one check Job; hosts are HOST:PORT of Services, `stable` is set if a check compares with it.

    `smoke`: the built-in check runs too, before all others.
    """

    candidate: str
    stable: str | None = None
    model: str
    request_timeout: float = Field(gt=0)
    checks: list[CheckSpec]
    smoke: bool = False

    def as_json(self) -> str:
        """Return the work as the environment variable holds it."""
        return names.canonical_json(self.model_dump(exclude_none=True)).decode()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set to fetch, the folder for its file, and the check that a failure names."""

    request: Request
    folder: Path
    check: str


@dataclass(frozen=True, slots=True)
class DatasetsWork:
    """The work of the container that fetches data sets."""

    datasets: tuple[Dataset, ...]


class CheckOutcome(ApiModel):
    """The result of one check: whether it passed, and the figures in a sentence."""

    name: str
    passed: bool
    message: str


class JobOutcome(ApiModel):
    """The termination message: the results if all checks were run, or the reason why they could not be, a sentence."""

    results: list[CheckOutcome] | None = None
    failure: str | None = None


def folder_of(dataset: DatasetSpec) -> PurePosixPath:
    """Return the folder of a fetched data set: one for all checks that name the same file in the same way."""
    place = dataset.model_dump(include={"uri", "path", "endpoint", "credentials", "ca_bundle"}, exclude_none=True)
    return DOWNLOADS / f"dataset-{names.content_hash(place)}"


def checks_size_problem(checks: Sequence[CheckSpec]) -> str | None:
    """Return a message for the user if the checks do not fit into a Job's environment; None if they fit."""
    size = len(names.canonical_json([check.model_dump(exclude_none=True) for check in checks]))
    if size <= MAX_CHECKS_BYTES:
        return None
    largest = max(checks, key=lambda check: len(names.canonical_json(check.model_dump(exclude_none=True))))
    return (
        f"spec.rollout.checks takes {ceil(size / 1024)} KiB as JSON, and {MAX_CHECKS_BYTES >> 10} KiB fit into the "
        f"check Job; {largest.name} is the largest check: use fewer or smaller requests, or a data set instead"
    )
