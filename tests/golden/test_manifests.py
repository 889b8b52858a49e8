"""Manifests in and out: what a user writes, and every object that Nereid makes of it.

A case is a folder. `in.yaml` holds one ModelDeployment for each revision, the oldest first, as the user changed it; the
last is the spec of now. Where there is more than the first rollout, a last document `live` says which revisions keep
pods, by their place, with replicas and what of the traffic reaches them; `scale` tells what changes their number, and
`is_gated` that requests wait in the activator, and `activator_key` is the key of their proofs. A document `settings`
holds the settings of an operator that was set up differently, `resolved_uri` what the URI led to, and `model_jobs` the
Jobs that speak to its source. `out.yaml` is written by `.venv/bin/pytest tests/golden --update-golden`, right or wrong:
read `git diff tests/golden` first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.golden import as_yaml, compare

from nereid.api.names import KIND
from nereid.controller.build.manifests import manifests
from nereid.controller.build.model_job import model_job
from nereid.controller.build.provenance import with_labels
from nereid.controller.build.revision import new_record
from nereid.controller.decide.orders import LiveRevision, Scale
from nereid.controller.decide.source.resolution import ModelJob
from nereid.controller.plan.plan import Exposure, Specified
from nereid.controller.plan.reading import read_plan
from nereid.controller.plan.revision_content import with_resolved_uri
from nereid.controller.plan.settings import Settings

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/in.yaml"))
UID = "1f7c9a52-6d0e-4b5c-9f63-0a4f1a3c2b1d"
WAVES = ("records", "what routes point at", "the route", "what follows the route", "what speaks to the source")


def built(source: str) -> str:
    """Return the manifests of a case's input as YAML, in waves."""
    documents = list(yaml.safe_load_all(source))
    more = {key: value for document in documents if document.get("kind") != KIND for key, value in document.items()}
    asked = [document for document in documents if document.get("kind") == KIND]
    settings = Settings(**more.get("settings", {}))
    plans = [
        read_plan({"uid": UID, "generation": number, **document["metadata"]}, document["spec"], settings)
        for number, document in enumerate(asked, start=1)
    ]
    plans = [replace(one, activator_key=more.get("activator_key", "")) for one in plans]
    if "resolved_uri" in more:
        plans = [with_resolved_uri(one, more["resolved_uri"]) for one in plans]
    places = more.get("live", [{"revision": 0, "replicas": plans[0].replicas, "weight": 100}])
    live = [kept(plans, **one) for one in places]
    records = with_labels({one.revision: new_record(one) for one in plans}, plans[-1], None)
    jobs = [ModelJob(**{**one, "tags": tuple(one.get("tags", {}).items())}) for one in more.get("model_jobs", ())]
    waves = (
        *manifests(plans[-1], live, records),
        *([[model_job(plans[-1].source, job) for job in jobs]] if jobs else []),
    )
    return "".join(
        f"# Wave {number}: {title}\n{''.join(document(manifest) for manifest in wave)}"
        for number, (title, wave) in enumerate(zip(WAVES, waves, strict=False), start=1)
    )


def kept(
    plans: Sequence[Specified],
    revision: int,
    replicas: int,
    scale: Mapping[str, Any] | None = None,
    is_gated: bool = False,  # noqa: FBT001, FBT002 - it is what the case says
    **exposure: Any,
) -> LiveRevision:
    return LiveRevision(
        plans[revision].revision, replicas, Exposure(**exposure), Scale(**scale) if scale else None, is_gated
    )


def document(manifest: object) -> str:
    return f"---\n{as_yaml(manifest)}"


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_manifests(case: Path, request: pytest.FixtureRequest) -> None:
    compare(built((case / "in.yaml").read_text()), case / "out.yaml", request)


def test_there_are_cases() -> None:
    assert len(CASES) >= 18
