"""Load generators: what they are told, and how their reports are read."""

import json
from dataclasses import astuple

import pytest

from nereid.cli.tune.generator import Exercise
from nereid.cli.tune.k6 import K6
from nereid.cli.tune.load import GeneratorError, Load
from nereid.cli.tune.perf_analyzer import PerfAnalyzer

EXERCISE = Exercise("tune-1.models.svc:8000", "digits", 4, 3.0, 9.0, {"image": (3, 224, 224)})
# As NVIDIA's documentation shows it (docs/measurements_metrics.md of perf_analyzer); lines are sorted by throughput.
CSV = """\
Concurrency,Inferences/Second,Client Send,Network+Server Send/Recv,Server Queue,Server Compute Input,\
Server Compute Infer,Server Compute Output,Client Recv,p50 latency,p90 latency,p95 latency,p99 latency
1,69.2,225,2148,64,206,11781,19,0,13891,18795,19753,21018
4,84.2,279,1604,33669,233,11731,18,1,47045,56545,59225,64886
2,87.2,235,1973,9151,190,11346,17,0,21874,28557,29768,34766
"""


def test_perf_analyzers_csv():
    assert astuple(PerfAnalyzer().read(CSV, 4)) == pytest.approx(astuple(Load(4, 84.2, 0.047045, 0.064886)))


@pytest.mark.parametrize("report", ["", "Concurrency,Inferences/Second\n4,many\n", CSV.replace("\n4,", "\n3,")])
def test_a_csv_that_cannot_be_read(report):
    with pytest.raises(GeneratorError):
        PerfAnalyzer().read(report, 4)


def test_perf_analyzers_command_line():
    container = PerfAnalyzer(data="{}").container(EXERCISE)
    assert container["args"] == [
        "-m",
        "digits",
        "-i",
        "http",
        "-u",
        "tune-1.models.svc:8000",
        "--concurrency-range=4:4:1",
        "--measurement-interval=3000",
        "--max-trials=5",
        "--percentile=99",
        "--input-data=/etc/nereid/load/input.json",
        "--shape=image:3,224,224",
    ]
    assert container["command"][:2] == ["/bin/sh", "-c"]
    assert "> /dev/termination-log" in container["command"][2]


REPORT = {"answers": 990, "predictions": 3960, "failures": 10, "seconds": 9, "p50": 0.01, "p99": 0.02}


def test_k6s_report():
    assert K6().read(json.dumps(REPORT), 4) == Load(4, 440.0, 0.01, 0.02, 0.01)


@pytest.mark.parametrize("report", ["", "[]", "{}", json.dumps({**REPORT, "answers": 0, "failures": 0})])
def test_a_report_of_k6_that_cannot_be_read(report):
    with pytest.raises(GeneratorError, match="the report of k6 cannot be read"):
        K6().read(report, 4)


def test_k6_gets_its_script_and_the_request():
    generator = K6(request='{"inputs": []}')
    assert set(generator.files()) == {"k6.js", "input.json"}
    environment = {one["name"]: one["value"] for one in generator.container(EXERCISE)["env"]}
    assert environment["TARGET"] == "http://tune-1.models.svc:8000"
    assert environment["INPUT"] == "/etc/nereid/load/input.json"
    assert json.loads(environment["SHAPES"]) == {"image": [3, 224, 224]}
    assert "INPUT" not in {one["name"] for one in K6().container(EXERCISE)["env"]}


def test_why_k6_failed():
    error = {
        "level": "error",
        "msg": "Error: the first request was rejected with status 400: no\n\tat setup (k6.js:1:1)\n",
    }
    assert K6().cause(f"some text\n{json.dumps(error)}\n") == "the first request was rejected with status 400: no"
    assert K6().cause("Killed\n") == "Killed"
