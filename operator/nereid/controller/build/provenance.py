"""What a revision's model was made from, as labels, so that kubectl can select by it.

They are on the revision's own objects and not on its pods, so that changing them restarts no pods.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from nereid.api import names
from nereid.api.provenance import Provenance
from nereid.controller.build.metadata import Manifest, annotated
from nereid.controller.decide.source.resolution import Resolution, made_from
from nereid.controller.observed.facts import RevisionRecord
from nereid.controller.plan.plan import Plan, Specified

_COMMIT_LENGTH: Final = 12
_LABELLED_KINDS: Final = frozenset({"Deployment", "Service", "ControllerRevision"})
_LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def provenance_labels(provenance: Provenance) -> tuple[tuple[str, str], ...]:
    """Return the labels of a provenance; what is not a valid label value is left out, and a commit is shortened."""
    values = {
        names.LABEL_COMMIT: (provenance.commit or "")[:_COMMIT_LENGTH],
        names.LABEL_DATASET: provenance.dataset or "",
        names.LABEL_DATASET_VERSION: provenance.dataset_version or "",
        names.LABEL_RUN: provenance.run or "",
    }
    return tuple((name, value) for name, value in values.items() if _LABEL_VALUE.fullmatch(value))


def labelled(manifest: Manifest, labels: tuple[tuple[str, str], ...]) -> Manifest:
    """Return a revision's child with provenance labels, if its kind carries them."""
    if not labels or manifest["kind"] not in _LABELLED_KINDS:
        return manifest
    metadata = manifest["metadata"]
    with_labels = {**manifest, "metadata": {**metadata, "labels": {**metadata["labels"], **dict(labels)}}}
    annotations = {key: value for key, value in metadata["annotations"].items() if key != names.ANNOTATION_DESIRED_HASH}
    return annotated(with_labels, annotations)


def with_labels(
    records: Mapping[str, RevisionRecord], plan: Plan, resolution: Resolution | None
) -> dict[str, RevisionRecord]:
    """Return the records with the current labels for the plan's revision; all others keep the labels that they have.

    So does a version that served before, until it has been looked up in its registry again, and a revision that keeps
    serving in place of the one of the spec.
    """
    if not isinstance(plan, Specified) or (resolution and resolution.status.resolved_at is None):
        return dict(records)
    labels = provenance_labels(made_from(plan.model.provenance, resolution.status if resolution else None))
    return {
        revision: replace(record, provenance_labels=labels) if revision == plan.revision else record
        for revision, record in records.items()
    }
