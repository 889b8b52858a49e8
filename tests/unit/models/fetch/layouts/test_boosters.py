"""What FIL is told of XGBoost's and LightGBM's files, in each of their forms."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nereid.models.fetch.layouts.forest import Forest, ForestError
from nereid.models.fetch.layouts.lightgbm import is_lightgbm, read_lightgbm
from nereid.models.fetch.layouts.xgboost import kind_of, read_xgboost


def described(objective: str, classes: int = 0, targets: int = 1, booster: str = "gbtree") -> dict[str, Any]:
    """The parts of XGBoost's document that count, in its order."""
    shape = {"base_score": "5E-1", "num_class": str(classes), "num_feature": "4", "num_target": str(targets)}
    return {
        "learner": {
            "attributes": {"note": "objective"},
            "gradient_booster": {"model": {"trees": [1, 2]}, "name": booster},
            "learner_model_param": shape,
            "objective": {"name": objective, "softmax_multiclass_param": {"num_class": str(classes)}},
        },
        "version": [3, 2, 0],
    }


def ubjson(value: Any) -> bytes:
    """Encode as XGBoost does: every length in 64 bits."""
    if isinstance(value, Mapping):
        return b"{" + b"".join(_text(key) + ubjson(entry) for key, entry in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b"".join(ubjson(entry) for entry in value) + b"]"
    return b"S" + _text(value) if isinstance(value, str) else b"i" + struct.pack(">b", value)


def _text(text: str) -> bytes:
    return b"L" + struct.pack(">q", len(text)) + text.encode()


def legacy(objective: str, classes: int, magic: bytes = b"binf") -> bytes:
    head = struct.pack("<fIi", 0.5, 4, classes).ljust(136, b"\0")
    return magic + head + struct.pack("<Q", len(objective)) + objective.encode() + b"trees"


FORMS = {
    "xgboost.json": lambda *told: json.dumps(described(*told)).encode(),
    "xgboost.ubj": lambda *told: ubjson(described(*told)),
    "xgboost.model": lambda objective, classes, *_: legacy(objective, classes),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("objective", "classes", "expected"),
    [
        ("reg:squarederror", 0, 0),
        ("rank:ndcg", 0, 0),
        ("binary:logistic", 0, 2),
        ("multi:softprob", 3, 3),
        ("multi:softmax", 5, 5),
    ],
)
def test_xgboost(tmp_path: Path, form: str, objective: str, classes: int, expected: int) -> None:
    file = tmp_path / "arrived"
    file.write_bytes(FORMS[form](objective, classes))
    forest = read_xgboost(file)
    assert (forest.file_name, forest.features, forest.classes, forest.for_fil) == (form, 4, expected, True)


@pytest.mark.parametrize("form", ["xgboost.json", "xgboost.ubj"])
@pytest.mark.parametrize("told", [("reg:squarederror", 0, 2), ("reg:squarederror", 0, 1, "gblinear")])
def test_fil_serves_neither_several_targets_nor_linear_models(tmp_path: Path, form: str, told: tuple[Any, ...]) -> None:
    file = tmp_path / "arrived"
    file.write_bytes(FORMS[form](*told))
    assert not read_xgboost(file).for_fil


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"{}",
        b"{",
        b'{"learner": 1}',
        b"{L" + b"\xff" * 40,
        b"binf",
        b'{"learner_model_param": {"a":',
        legacy("x" * 500, 3),
        b'{"objective":{"name":"a"},"learner_model_param":{"num_feature":"x"}}',
    ],
)
def test_what_is_no_booster_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "arrived"
    file.write_bytes(content)
    with pytest.raises(ForestError, match=r"is not a valid XGBoost model"):
        read_xgboost(file)


def test_json_may_be_indented(tmp_path: Path) -> None:
    file = tmp_path / "arrived"
    file.write_text(json.dumps(described("binary:logistic"), indent=2))
    assert kind_of(file) == ("xgboost_json", "xgboost.json")
    assert read_xgboost(file).classes == 2


@pytest.mark.parametrize(
    ("objective", "expected"),
    [("binary sigmoid:1", 2), ("multiclass num_class:3", 3), ("regression", 0), ("lambdarank", 0), (None, 0)],
)
def test_lightgbm(tmp_path: Path, objective: str | None, expected: int) -> None:
    file = tmp_path / "arrived"
    told = f"objective={objective}\n" if objective else ""
    file.write_text(
        f"tree\nversion=v4\nnum_class=3\nmax_feature_idx=9\n{told}feature_names=a b\n\nTree=0\nnum_class=8\n"
    )
    assert is_lightgbm(file)
    assert read_lightgbm(file) == Forest("lightgbm", "model.txt", 10, expected)


@pytest.mark.parametrize(("linear", "for_fil"), [((0, 1), False), ((0, 0), True)])
def test_fil_serves_no_linear_trees(tmp_path: Path, linear: tuple[int, ...], for_fil: bool) -> None:  # noqa: FBT001
    file = tmp_path / "arrived"
    trees = "".join(f"Tree={number}\nis_linear={is_linear}\n\n" for number, is_linear in enumerate(linear))
    file.write_text(f"tree\nnum_class=1\nmax_feature_idx=9\nobjective=regression\n\n{trees}end of trees\n")
    assert read_lightgbm(file).for_fil is for_fil
