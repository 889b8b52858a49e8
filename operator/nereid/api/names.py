"""The names that Nereid gives to things: API group, labels, annotations, children, ports.

They stand here alone because users, Istio, Kiali and Prometheus read them: a change is a change of the interface.
Imports nothing of Nereid.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

GROUP: Final = "nereid.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "ModelDeployment"
PLURAL: Final = "modeldeployments"
SINGULAR: Final = "modeldeployment"
SHORT_NAME: Final = "mdep"

FIELD_MANAGER: Final = "nereid"
STATUS_FIELD_MANAGER: Final = "nereid-status"
# It holds a Deployment's number of pods from when Nereid leaves it to a scaler until the scaler first changes it.
HANDOVER_FIELD_MANAGER: Final = "nereid-scaling"

LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "nereid"
LABEL_MODEL_DEPLOYMENT: Final = f"{GROUP}/model-deployment"
LABEL_REVISION: Final = f"{GROUP}/revision"
# On a Job that checks a revision, and on its pods: which run of checks it is.
LABEL_CHECKS: Final = f"{GROUP}/checks"
# On a Job that speaks to a model's source, and on its pods: which question, or which tag, it is for.
LABEL_MODEL_JOB: Final = f"{GROUP}/model-job"
# On a revision's Deployment, Service and ControllerRevision: what its model was made from, where that fits.
LABEL_COMMIT: Final = f"{GROUP}/commit"
LABEL_DATASET: Final = f"{GROUP}/dataset"
LABEL_DATASET_VERSION: Final = f"{GROUP}/dataset-version"
LABEL_RUN: Final = f"{GROUP}/run"
PROVENANCE_LABELS: Final = (LABEL_COMMIT, LABEL_DATASET, LABEL_DATASET_VERSION, LABEL_RUN)
# On VirtualServices: whether it carries the model's own traffic, or leads to the candidate's preview.
LABEL_ROUTE: Final = f"{GROUP}/route"
ROUTE_PREVIEW: Final = "preview"

# Set on children by the operator.
ANNOTATION_DESIRED_HASH: Final = f"{GROUP}/desired-hash"
# On a revision's Deployment: what its record keeps of its model, so that the record can be made again.
ANNOTATION_MODEL_NAME: Final = f"{GROUP}/model-name"
ANNOTATION_MODEL_URI: Final = f"{GROUP}/model-uri"
# Set on a ModelDeployment by its user; the operator only reads them.
ANNOTATION_PROMOTE: Final = f"{GROUP}/promote"
ANNOTATION_ABORT: Final = f"{GROUP}/abort"
ANNOTATION_RETRY: Final = f"{GROUP}/retry"
ANNOTATION_ROLLBACK: Final = f"{GROUP}/rollback"

# Set on requests to a sleeping model by its route, for the activator.
HEADER_TARGET: Final = "x-nereid-target"
HEADER_COLD_START_SECONDS: Final = "x-nereid-cold-start-seconds"
HEADER_PROOF: Final = "x-nereid-proof"
# The same in the metadata of a ScaledObject's trigger.
TRIGGER_PROOF: Final = "proof"

PORT_HTTP: Final = 8000
PORT_GRPC: Final = 8001
PORT_METRICS: Final = 8002

CONTAINER_FETCH: Final = "fetch-model"
CONTAINER_TRITON: Final = "triton"
# In the Triton container: its pod's uid, of which its closed interfaces are known to whom the pod is known.
ENV_POD_UID: Final = "NEREID_POD_UID"

# A name, a dash and a revision id must fit into the 63 characters of a label, with room for what comes later.
MAX_NAME_LENGTH: Final = 50
# Of the name of a pod's owner, Kubernetes keeps this much before it adds five characters.
_KEPT_IN_POD_NAMES: Final = 58

REVISION_LENGTH: Final = 8
# Kubernetes' own alphabet for generated names (apimachinery, util/rand): no vowels, so that no words appear.
REVISION_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"


def canonical_json(value: Any) -> bytes:
    """Encode a JSON value such that equal values give equal bytes: sorted keys, no white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def content_hash(value: Any) -> str:
    """Return 16 hexadecimal digits that identify a JSON value by its content."""
    return hashlib.blake2b(canonical_json(value), digest_size=8).hexdigest()


def revision_of(content: Mapping[str, Any]) -> str:
    """Return the revision id of a revision's content: 8 characters, a hash.

    `content` holds the user's fields that shape the pods and nothing else, so that the same fields are the same
    revision whenever, and by whichever version of the operator, they are read.
    """
    number = int.from_bytes(hashlib.blake2b(canonical_json(content), digest_size=8).digest())
    characters = []
    for _ in range(REVISION_LENGTH):
        number, index = divmod(number, len(REVISION_ALPHABET))
        characters.append(REVISION_ALPHABET[index])
    return "".join(characters)


def revision_child_name(model_deployment: str, revision: str) -> str:
    """Return the name of a revision's Deployment, Service and ControllerRevision."""
    return f"{model_deployment}-{revision}"


def pod_name_prefix(model_deployment: str, revision: str) -> str:
    """Return how the names of a revision's pods begin: of a long name, the end and the dash are cut off."""
    return f"{revision_child_name(model_deployment, revision)}-"[:_KEPT_IN_POD_NAMES]


def checks_app(model_deployment: str) -> str:
    """Return the `app` label, and so the canonical service, of the Jobs that check a ModelDeployment's candidates."""
    return f"{model_deployment}-checks"


def source_app(model_deployment: str) -> str:
    """Return the `app` label, and so the canonical service, of the Jobs that speak to a model's source."""
    return f"{model_deployment}-source"


def version_label(model_version: str | None, revision: str) -> str:
    """Return the `version` label of a revision's pods: unique to the revision, and telling the user's own version."""
    return f"{model_version}-{revision}" if model_version else revision
