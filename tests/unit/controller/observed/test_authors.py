from typing import Any

from nereid.controller.observed.authors import Author, author_of


def manager(name, time, fields, **more):
    return {"manager": name, "operation": "Apply", "time": time, "fieldsV1": fields, **more}


MODEL: dict[str, Any] = {"f:spec": {"f:model": {"f:uri": {}}}}
SCALING: dict[str, Any] = {"f:spec": {"f:scaling": {}}}


def test_the_last_that_wrote_a_field_of_the_model():
    found = author_of(
        [
            manager("argocd", "2026-11-20T12:00:00Z", MODEL),
            manager("kubectl", "2026-11-20T12:05:00Z", MODEL),
            manager("keda", "2026-11-20T12:06:00Z", SCALING),
            manager("nereid-status", "2026-11-20T12:07:00Z", {"f:status": {}}, subresource="status"),
        ]
    )
    assert found == Author("kubectl", "2026-11-20T12:05:00Z")


def test_nobody():
    assert author_of([]) is None
    assert author_of([manager("keda", "2026-11-20T12:06:00Z", SCALING), {"manager": "old"}]) is None
