"""What `nereid tune` prints, and the words of its options."""

import io
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner
from rich.console import Console

from nereid.cli import main
from nereid.cli.period import SOME_TIME
from nereid.cli.terminal import show
from nereid.cli.tune.configuration import OWN, Configuration, Hardware
from nereid.cli.tune.findings import fragment, free_resources, outcome_table
from nereid.cli.tune.load import Load
from nereid.cli.tune.options import Counts, NewFile, Price, Shape, ShortTime, Times
from nereid.cli.tune.search import Goal, Result

SMALL, LARGE = Hardware.parse("cpu=1"), Hardware.parse("cpu=4,gpu=1")
GOAL = Goal(0.05, {"cpu": 0.04})
RESULTS = [
    Result(Configuration(SMALL), (Load(1, 100, 0.002, 0.08),), {"cpu": 1.0}),
    Result(Configuration(SMALL, 2), (Load(1, 1000, 0.002, 0.003), Load(2, 2000, 0.002, 0.004)), {"cpu": 1.0}),
    Result(Configuration(LARGE), (Load(1, 4000, 0.002, 0.003),), {"cpu": 4.0, "nvidia.com/gpu": 1.0}),
    Result(Configuration(LARGE, 2), failure="does not load: no such file"),
    Result(Configuration(SMALL, 4), (Load(1, 100, 0.002, 0.003, 0.25),), {"cpu": 1.0}),
]
DOCUMENT = {
    "metadata": {"name": "digits"},
    "spec": {
        "model": {"uri": "u", "config": {"maxBatchSize": 8}},
        "runtime": {
            "resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}},
            "gpu": {"count": 1},
        },
    },
}


def drawn(rate: float | None) -> list[str]:
    written = io.StringIO()
    output = Console(file=written, width=200)
    show(output, outcome_table(RESULTS, GOAL, rate))
    return [" ".join(line.split()) for line in written.getvalue().splitlines()]


def test_the_table_has_the_best_first_and_says_why_the_others_are_not():
    assert drawn(rate=3000) == [
        "CONFIGURATION PER SECOND P50 P99 AT A TIME PODS PER MILLION",
        "✓ cpu=1; 2 instances 2,000 2ms 4ms 2 2 0.007407",
        "cpu=4,gpu=1 4,000 2ms 3ms 1 1 0.01481",
        "cpu=1 p99 is 80ms with 1 at a time",
        "cpu=4,gpu=1; 2 instances does not load: no such file",
        "cpu=1; 4 instances 25.0% of the requests failed",
    ]


def test_what_has_no_price_is_named():
    assert free_resources(RESULTS, GOAL) == ["nvidia.com/gpu"]
    assert free_resources(RESULTS, Goal(0.05, {})) == []


def test_the_fields_that_change_are_told_and_those_to_remove():
    changes = yaml.safe_load(fragment(DOCUMENT, RESULTS[1]))
    assert changes == {
        "spec": {
            "model": {"config": {"instanceGroup": [{"count": 2}]}},
            "runtime": {"resources": {"limits": {"cpu": "1", "memory": None}, "requests": None}, "gpu": None},
        }
    }
    assert fragment(DOCUMENT, Result(Configuration(Hardware(OWN)))) == ""


def convert(kind: click.ParamType[Any], text: str) -> object:
    return kind.convert(text, None, None)


def test_options_are_read():
    assert convert(ShortTime(), "50ms") == 0.05
    assert convert(Times(), "1ms,100us") == (100, 1000)
    assert convert(Counts(), "4, 2,2") == (2, 4)
    assert convert(Price(), "nvidia.com/gpu=2.5") == ("nvidia.com/gpu", 2.5)
    assert convert(Shape(), "image:3,224") == ("image", (3, 224))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (ShortTime(), "50"),
        (ShortTime(), "0ms"),
        (ShortTime(), "0.1us"),
        (SOME_TIME, "0s"),
        (Times(), "1ms,"),
        (Counts(), "0"),
        (Counts(), "a"),
        (Price(), "cpu"),
        (Price(), "cpu=-1"),
        (Price(), "cpu=inf"),
        (Shape(), "image"),
        (Shape(), "image:0"),
    ],
)
def test_options_that_make_no_sense_are_refused(kind, text):
    with pytest.raises(click.BadParameter):
        convert(kind, text)


@pytest.fixture
def kubeconfig(tmp_path):
    """A configuration of a cluster that does not answer."""
    config = {
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    return tmp_path / "config"


def refusal(kubeconfig, *options):
    result = CliRunner().invoke(main, ["tune", "digits", "--kubeconfig", str(kubeconfig), *options])
    assert result.exit_code == 2
    return " ".join(result.output.split())


def test_the_objective_has_to_be_told(kubeconfig):
    assert "--latency-p99 is required" in refusal(kubeconfig)


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--latency-p99", "0ms", "'0ms' is not a valid time"),
        ("--duration", "0s", "'0s' is not a valid time"),
        ("--budget", "0m", "'0m' is not a valid time"),
        ("--ready-timeout", "0s", "'0s' is not a valid time"),
        ("--resources", "cpu=0", "'cpu=0' is not a valid resource: write more than 0, or leave cpu out"),
        ("--output", "missing/best.yaml", "missing/best.yaml cannot be written: its folder does not exist"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_measured(kubeconfig, option, value, sentence):
    assert sentence in refusal(kubeconfig, "--latency-p99", "50ms", option, value)


def test_the_file_to_write_is_new_or_replaced(tmp_path):
    assert convert(NewFile(), str(tmp_path / "best.yaml")) == tmp_path / "best.yaml"
    (tmp_path / "best.yaml").write_text("old")
    assert convert(NewFile(), str(tmp_path / "best.yaml")) == tmp_path / "best.yaml"
