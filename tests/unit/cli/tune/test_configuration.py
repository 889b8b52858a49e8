"""Configurations: how they are written, and what they change in a spec."""

from typing import Any

import pytest

from nereid.cli.tune.configuration import OWN, Configuration, Hardware, configured, own_values

OWN_HARDWARE = Hardware(OWN)
SPEC: dict[str, Any] = {
    "model": {"uri": "pvc://models/a.onnx", "config": {"max_batch_size": 8, "parameters": {"a": {"stringValue": "b"}}}},
    "runtime": {
        "resources": {"limits": {"cpu": "1"}},
        "gpu": {"count": 2, "mig": "1g.10gb", "shared": False},
        "args": ["-v"],
    },
}


def test_hardware_is_read_as_it_is_written():
    hardware = Hardware.parse("cpu=2,memory=4Gi,gpu=1,mig=1g.10gb")
    assert hardware.limits == (("cpu", "2"), ("memory", "4Gi"))
    assert hardware.gpu == (("count", 1), ("mig", "1g.10gb"))
    assert Hardware.parse("own") == OWN_HARDWARE


@pytest.mark.parametrize(
    "text", ["", "cpu", "cpu=", "cpu=two", "cpu=0", "cpu=1,memory=0Gi", "gpu=0", "gpu=one", "cpu=1,,"]
)
def test_hardware_that_makes_no_sense_is_refused(text):
    with pytest.raises(ValueError, match=r"is not a valid (resource|quantity|number of GPUs)"):
        Hardware.parse(text)


def test_as_it_is_changes_nothing():
    configuration = Configuration(OWN_HARDWARE)
    spec = {"model": {"uri": "pvc://models/a.onnx"}}
    assert configured(spec, configuration) == spec
    assert str(configuration) == "as it is"


def test_batches_and_instances_are_merged_into_the_models_configuration():
    changed = configured(SPEC, Configuration(OWN_HARDWARE, instances=2, batch_size=16, queue_delay=100))
    assert changed["model"]["config"] == {
        "maxBatchSize": 16,
        "parameters": {"a": {"stringValue": "b"}},
        "instanceGroup": [{"count": 2}],
        "dynamicBatching": {"preferredBatchSize": [16], "maxQueueDelayMicroseconds": 100},
    }
    assert changed["runtime"] == SPEC["runtime"]
    assert SPEC["model"]["config"]["max_batch_size"] == 8


def test_what_else_batching_and_instances_say_is_kept():
    own = {
        "instanceGroup": [{"count": 1, "kind": "KIND_GPU", "gpus": [0], "passive": True}],
        "dynamicBatching": {"preserveOrdering": True, "preferredBatchSize": [2], "max_queue_delay_microseconds": 7},
    }
    spec = {"model": {"uri": "u", "config": own}}
    here = configured(spec, Configuration(OWN_HARDWARE, instances=4, batch_size=8))["model"]["config"]
    assert here["instanceGroup"] == [{"count": 4, "kind": "KIND_GPU", "gpus": [0], "passive": True}]
    assert here["dynamicBatching"] == {"preserveOrdering": True, "preferredBatchSize": [8]}
    elsewhere = configured(spec, Configuration(Hardware.parse("cpu=1")))["model"]["config"]
    assert elsewhere["instanceGroup"] == [{"count": 1, "passive": True}]


def test_hardware_replaces_that_of_the_spec():
    on_cpu = configured(SPEC, Configuration(Hardware.parse("cpu=4,memory=8Gi")))["runtime"]
    assert on_cpu == {"args": ["-v"], "resources": {"limits": {"cpu": "4", "memory": "8Gi"}}}
    on_gpu = configured(SPEC, Configuration(Hardware.parse("cpu=1,gpu=1,product=NVIDIA-L4")))["runtime"]
    assert on_gpu["gpu"] == {"shared": False, "count": 1, "product": ["NVIDIA-L4"]}


def test_a_slice_is_not_shared_but_stays_of_the_product():
    spec = {**SPEC, "runtime": {"gpu": {"shared": True, "product": ["NVIDIA-L4"]}}}
    on_slice = configured(spec, Configuration(Hardware.parse("gpu=1,mig=1g.10gb")))["runtime"]
    assert on_slice["gpu"] == {"product": ["NVIDIA-L4"], "count": 1, "mig": "1g.10gb"}
    on_share = configured(spec, Configuration(Hardware.parse("gpu=2")))["runtime"]
    assert on_share["gpu"] == {"product": ["NVIDIA-L4"], "count": 2, "shared": True}


def test_the_specs_own_values():
    assert own_values(SPEC) == (1, 8)
    groups = [{"count": 2}, {"kind": "KIND_CPU"}]
    assert own_values({"model": {"config": {"instance_group": groups}}}) == (3, 1)
    assert own_values({"model": {}}) == (1, 1)


def test_a_configuration_in_words():
    configuration = Configuration(Hardware.parse("cpu=2,gpu=1"), 2, 8, 100)
    assert str(configuration) == "cpu=2,gpu=1; 2 instances; batches to 8; waiting 100us"
