"""By which Secrets the kubelet is known to the registries of a pod's images."""

from typing import Any

from nereid.api.runtime import RuntimeSpec


def pull_secrets(runtime: RuntimeSpec, *more: str) -> dict[str, Any]:
    """Return a pod's imagePullSecrets, if it has any: the user's, and `more`.

    Each of them once, as the API server refuses to apply one twice.
    """
    named = dict.fromkeys([*(one.name for one in runtime.image_pull_secrets or ()), *more])
    return {"imagePullSecrets": [{"name": name} for name in named]} if named else {}
