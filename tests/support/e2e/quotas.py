"""What a namespace may have, as its administrator says it."""

from collections.abc import Iterator
from contextlib import contextmanager

from digits.cluster import wait_for
from tests.support.e2e.case import Case


@contextmanager
def no_new_pods(case: Case) -> Iterator[None]:
    """Let the namespace take no pod more, by a quota that is used up."""
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    case.cluster.apply(quota, namespace=case.namespace)
    wait_for(
        "the quota holds",
        lambda: (case.cluster.get("ResourceQuota", "none", case.namespace) or {}).get("status", {}).get("hard"),
        seconds=30,
    )
    try:
        yield
    finally:
        case.cluster.kubectl("delete", "resourcequota", "none", namespace=case.namespace)
        # Its controller tries again later each time, and minutes later in the end, unless the object changes.
        case.cluster.kubectl("annotate", "replicasets", "--all", "quota=lifted", namespace=case.namespace)
