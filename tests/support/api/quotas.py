"""Quotas that are used up: the API server refuses new objects of a kind, as it does others that break a policy."""

from collections.abc import Callable

from tests.support.api.kubernetes import MERGE_PATCH, Kubernetes


def no_more(kubernetes: Kubernetes, namespace: str, resource: str) -> Callable[[], None]:
    """Let a quota refuse new objects of a resource, such as `jobs.batch`; return what lifts it.

    There is no controller that would count them, so that the status is written here.
    """
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    hard = {f"count/{resource}": "0"}
    kubernetes.create(path, {"metadata": {"name": "none"}, "spec": {"hard": hard}})
    kubernetes.request("PATCH", f"{path}/none/status", {"status": {"hard": hard, "used": hard}}, MERGE_PATCH)

    def lift() -> None:
        kubernetes.request("DELETE", f"{path}/none")

    return lift
