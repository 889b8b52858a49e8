"""What the CRD keeps out stays out where an older CRD, or none of its rules, let it in."""

from typing import Any

import pytest
from tests.support.scenario import SETTINGS, URI

from nereid.controller.plan.reading import InvalidSpecError, read_plan

PREVIEW = {"strategy": "BlueGreen", "blueGreen": {"previewHosts": ["kubernetes.default.svc"]}}


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"rollout": PREVIEW}, r"previewHosts needs spec\.traffic\.gateways"),
        ({"traffic": {"gateways": []}, "rollout": PREVIEW}, "at least 1 item"),
        ({"traffic": {"hosts": ["a.example.com"]}}, r"hosts needs spec\.traffic\.gateways"),
        ({"traffic": {"hosts": ["a.example.com"], "gateways": ["mesh"]}}, "mesh must be NAMESPACE/NAME"),
        ({"traffic": {"hosts": ["*.example.com"], "gateways": ["a/b"]}}, "must be a DNS name"),
    ],
)
def test_no_host_is_bound_to_the_mesh(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidSpecError, match=sentence):
        read_plan({"namespace": "models", "name": "digits", "uid": "u"}, {"model": {"uri": URI}, **spec}, SETTINGS)
