"""Objects as the API server gives them, for tests of the stores."""

from typing import Any

from nereid.api.identity import Owner

OWNER = Owner("ns", "digits", "owner-uid", 1)


def service(name: str = "digits", version: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a Service that belongs to OWNER; `changes` are to its metadata, and `spec`."""
    spec = changes.pop("spec", {"selector": {"app": "digits"}})
    metadata = {
        "namespace": "ns",
        "name": name,
        "uid": f"{name}-uid",
        "resourceVersion": str(version),
        "labels": {"app.kubernetes.io/managed-by": "nereid", "nereid.dev/model-deployment": "digits"},
        "annotations": {"nereid.dev/desired-hash": "hash"},
        "ownerReferences": [{"kind": "ModelDeployment", "name": "digits", "uid": OWNER.uid, "controller": True}],
    }
    return {"kind": "Service", "metadata": {**metadata, **changes}, "spec": spec}
