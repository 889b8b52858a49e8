"""What a case needs to reach a source: Secrets with credentials and certificates of authorities, in its namespace."""

from pathlib import Path
from uuid import uuid4

from digits.cluster import Manifest
from tests.support.e2e.case import Case


def credentials(case: Case, **values: str) -> Manifest:
    """Make a Secret and return `spec.model.credentials` that names it."""
    name = f"reader-{uuid4().hex[:8]}"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
    case.cluster.apply({**secret, "stringData": values}, namespace=case.namespace)
    return {"secretName": name}


def trust(case: Case, certificate: Path) -> Manifest:
    """Make a ConfigMap with an authority's certificate and return `spec.model.caBundle` that names it."""
    name = f"authority-{uuid4().hex[:8]}"
    bundle = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    case.cluster.apply({**bundle, "data": {"ca.crt": certificate.read_text()}}, namespace=case.namespace)
    return {"name": name, "key": "ca.crt"}
