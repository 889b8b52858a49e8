import re

from hypothesis import given
from hypothesis import strategies as st

from nereid.api import names

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner, max_size=4)
)


def test_a_revision_is_a_fixed_function_of_its_content():
    """Pinned: another value here would make every running model a new revision at the next operator upgrade."""
    content = {"model": {"uri": "pvc://models/digits/1/model.onnx", "name": "digits"}, "runtime": {}}
    assert names.revision_of(content) == "mlqrphp7"


@given(content=st.dictionaries(st.text(), JSON, max_size=4))
def test_a_revision_does_not_depend_on_the_order_of_fields(content):
    reordered = dict(reversed(content.items()))
    assert names.revision_of(content) == names.revision_of(reordered)


@given(content=st.dictionaries(st.text(), JSON, max_size=4))
def test_a_revision_fits_into_names_and_labels(content):
    assert re.fullmatch(r"[b-df-hj-np-tv-xz2-9]{8}", names.revision_of(content))


def test_the_longest_names_of_children_and_labels_are_still_valid():
    revision = "x" * names.REVISION_LENGTH
    assert len(names.revision_child_name("m" * names.MAX_NAME_LENGTH, revision)) <= 63
    assert len(names.version_label("v" * 40, revision)) <= 63


def test_the_version_label_is_unique_to_the_revision_whatever_the_user_calls_it():
    assert names.version_label("7", "bcdf") == "7-bcdf"
    assert names.version_label("7", "ghjk") != names.version_label("7", "bcdf")
    assert names.version_label(None, "bcdf") == "bcdf"
