"""Whatever stands in an InferenceService, it is converted to something valid or refused in a sentence."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nereid.cli.convert.conversion import conversion
from nereid.cli.convert.runtime import OWN_VOLUMES
from nereid.cli.convert.validity import problem
from nereid.cli.yaml_documents import read_documents
from nereid.controller.build.pod import pod_template
from nereid.controller.plan.reading import read_plan
from nereid.controller.plan.settings import Settings


def items(document: Any) -> list[Any]:
    return document.get("items", [document]) if isinstance(document, dict) else []


SERVICES = [
    document
    for path in sorted(Path(__file__).parent.glob("cases/*/in.yaml"))
    for written in read_documents(path.read_text())
    for document in items(written)
    if document.get("kind") == "InferenceService"
]
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["s3://b/k", "https://[", "0", "nan", "cpu", "triton", "1h"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.lists(st.dictionaries(st.sampled_from(["name", "value", "type"]), st.text(max_size=3)), max_size=2),
)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


@settings(deadline=None)  # the first example imports KServe's SDK
@given(st.sampled_from(SERVICES), st.data())
def test_junk_anywhere_is_no_crash(service, data):
    service = copy.deepcopy(service)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from([place for place in places(service) if place[0] != "kind"]))
        parent = service
        for key in way:
            parent = parent[key]
        parent[last] = data.draw(JUNK)
    converted = conversion(service)
    assert sum(map(bool, (converted.manifest, converted.not_converted, converted.skipped))) == 1
    assert all("\n" not in line for line in (converted.not_converted, *converted.lost, *converted.notes))
    if converted.manifest:
        assert problem(converted.manifest) is None


def test_no_volume_of_nereids_can_be_replaced():
    fetched = {
        "uri": "s3://models/x",
        "credentials": {"secretName": "s"},
        "caBundle": {"name": "c", "key": "k"},
        "cache": {"claim": "c", "limit": "1Gi"},
    }
    own = set()
    for model in (fetched, {"uri": "pvc://c/x"}, {"uri": f"oci://r.example.com/x@sha256:{'0' * 64}"}):
        planned = read_plan({"name": "m", "namespace": "n", "uid": "u"}, {"model": model}, Settings(image_volumes=True))
        own |= {volume["name"] for volume in pod_template(planned, "v")["spec"]["volumes"]}
    assert own <= OWN_VOLUMES
