"""The Secrets with which the kubelet pulls a pod's images."""

from typing import Any

from nereid.api.runtime import RuntimeSpec


def pull_secrets(runtime: RuntimeSpec, *more: str) -> dict[str, Any]:
    """Return a pod's imagePullSecrets, if it has any: the user's, and `more`.

    Each of them once, as the API server rejects an apply with duplicates.
    """
    unique_names = dict.fromkeys([*(secret.name for secret in runtime.image_pull_secrets or ()), *more])
    return {"imagePullSecrets": [{"name": name} for name in unique_names]} if unique_names else {}
