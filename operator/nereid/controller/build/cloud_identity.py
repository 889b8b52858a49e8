"""Who in a pod gets the identity that a cloud gives to its ServiceAccount: the containers that fetch, and no other.

A model is code that somebody else may have written. The webhooks of EKS and of Azure put the identity's token into
every container but those that these annotations name; Google's comes from the node's metadata server, which only a
NetworkPolicy closes (docs/models.md).
"""

from collections.abc import Mapping
from typing import Any, Final

from nereid.api import names
from nereid.contract.check_job import CONTAINER_DATASETS
from nereid.contract.model_job import CONTAINER_RESOLVE, CONTAINER_TAG
from nereid.controller.plan.pod_security import containers_of

# What reads a source or a registry.
_FETCHING: Final = frozenset({names.CONTAINER_FETCH, CONTAINER_DATASETS, CONTAINER_RESOLVE, CONTAINER_TAG})
# What Istio adds to the pods.
_ISTIOS: Final = ("istio-init", "istio-proxy", "istio-validation")
# Each with what separates the names in it.
_SKIP_CONTAINERS: Final = {"eks.amazonaws.com/skip-containers": ",", "azure.workload.identity/skip-containers": ";"}


def only_for_fetching(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pod template whose containers get no cloud identity, except those that fetch.

    An annotation that is there already stays as it is: the author of the pods may give theirs to a container.
    """
    containers = {str(container.get("name")) for _, container in containers_of(template)}
    skipped = sorted({*containers, *_ISTIOS} - _FETCHING)
    annotations = {key: separator.join(skipped) for key, separator in _SKIP_CONTAINERS.items()}
    metadata = template["metadata"]
    return {**template, "metadata": {**metadata, "annotations": {**annotations, **metadata.get("annotations", {})}}}
