import copy
import re
from dataclasses import replace
from typing import Any

import pytest
from tests.support.scenario import ANALYSIS, METADATA, URI, plan_of

from nereid.api.identity import Owner
from nereid.api.names import ANNOTATION_ABORT, ANNOTATION_PROMOTE, ANNOTATION_RETRY, ANNOTATION_ROLLBACK
from nereid.controller.plan.plan import (
    ALL_TRAFFIC,
    NO_TRAFFIC,
    BusinessMetric,
    Command,
    Exposure,
    Guard,
    Query,
    Rollback,
    Step,
)
from nereid.controller.plan.reading import InvalidSpecError, read_plan, read_spec
from nereid.controller.plan.revision_content import with_resolved_uri
from nereid.controller.plan.settings import Settings

CHECK = {"name": "one", "latency": {"maximumMilliseconds": 50}}
OUTSIDE = {"uri": "s3://data/sets", "path": "a/../../b.csv", "inputs": [{"name": "image", "columns": ["x"]}]}
COOKIE = {"name": "group", "value": "b"}
FULL = {
    "model": {
        "uri": "https://models.example.com/digits.tar.gz",
        "format": "triton",
        "digest": f"sha256:{'0' * 64}",
        "name": "numbers",
        "version": "7",
        "caBundle": {"name": "company-ca", "key": "ca.crt"},
    },
    "runtime": {
        "image": "registry.example.com/triton:1",
        "imagePullPolicy": "Always",
        "imagePullSecrets": [{"name": "registry"}],
        "resources": {"limits": {"nvidia.com/gpu": 1, "memory": "4Gi"}, "requests": {"cpu": "2"}},
        "args": ["--log-verbose=1", "--strict-readiness=true"],
        "env": [
            {"name": "LEVEL", "value": "3"},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "t", "optional": True}}},
        ],
        "nodeSelector": {"accelerator": "h200", "zone": "a"},
        "tolerations": [
            {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoExecute", "tolerationSeconds": 60}
        ],
        "serviceAccountName": "digits",
        "terminationGracePeriodSeconds": 120,
    },
    "scaling": {"minReplicas": 2, "replicas": 3},
    "traffic": {"hosts": ["digits.example.com"], "gateways": ["istio-ingress/public"], "timeout": "1m30s"},
    "rollout": {
        "strategy": "Canary",
        "steps": [{"weight": 5, "hold": "1h"}, {"weight": 25}],
        "paused": True,
        "drain": "2m",
        "progressDeadlineSeconds": 120,
    },
}


def changed(path, value):
    spec = copy.deepcopy(FULL)
    *parents, last = path.split(".")
    place: Any = spec
    for key in parents:
        place = place[int(key)] if key.isdecimal() else place.setdefault(key, {})
    place[last] = value
    return spec


def reordered(value):
    if isinstance(value, dict):
        return {key: reordered(one) for key, one in reversed(value.items())}
    return [reordered(one) for one in value] if isinstance(value, list) else value


class TestDefaults:
    def test_a_spec_that_says_only_where_the_model_is(self):
        made = plan_of({"model": {"uri": URI}})
        assert (made.replicas, made.timeout, made.hosts, made.gateways) == (1, 60, (), ())
        assert made.model_name == "digits"
        rollout = made.rollout
        assert (rollout.strategy, rollout.steps) == (
            "Canary",
            (Step(Exposure(10), 300), Step(Exposure(50), 300, deadline=2700)),
        )
        assert rollout.is_auto
        assert (rollout.paused, rollout.drain, rollout.progress_deadline) == (False, 30, 600)
        assert (rollout.surge, rollout.allow_downtime, rollout.fast_track) == (1, False, False)
        assert (rollout.match, rollout.preview_hosts, rollout.checks, rollout.checks_timeout) == (None, (), (), 600)
        assert (rollout.history_limit, rollout.keep_failed_pod) == (10, 900)
        assert (rollout.promote, rollout.abort, rollout.retry, rollout.rollback) == (None, None, None, None)

    def test_what_the_user_says_wins(self):
        made = plan_of(FULL)
        assert (made.replicas, made.timeout, made.model_name) == (3, 90, "numbers")
        assert (made.hosts, made.gateways) == (("digits.example.com",), ("istio-ingress/public",))
        assert made.rollout.steps == (Step(Exposure(5), 3600), Step(Exposure(25), None))
        assert (made.rollout.paused, made.rollout.drain, made.rollout.progress_deadline) == (True, 120, 120)

    def test_propagation_is_the_operators_setting(self):
        made = read_plan(METADATA, FULL, Settings(propagation_seconds=3))
        assert made.rollout.propagation == 3

    @pytest.mark.parametrize(
        ("scaling", "replicas"),
        [
            ({}, 1),
            ({"minReplicas": 3}, 3),
            ({"replicas": 2}, 2),
            ({"minReplicas": 3, "replicas": 2}, 3),
            ({"minReplicas": 3, "replicas": 5}, 5),
        ],
    )
    def test_replicas_are_never_fewer_than_the_minimum(self, scaling, replicas):
        assert plan_of({"model": {"uri": URI}, "scaling": scaling}).replicas == replicas

    @pytest.mark.parametrize(
        ("uri", "stated", "expected"),
        [
            ("pvc://models/digits/model.onnx", None, "onnx"),
            ("https://example.com/digits.onnx?token=1#x", None, "onnx"),
            ("https://example.com/digits.tar.gz?file=a.onnx", None, "triton"),
            ("pvc://models/repository", None, "triton"),
            ("pvc://models/model.onnx", "triton", "triton"),
            ("https://example.com/download/17", "onnx", "onnx"),
        ],
    )
    def test_the_format_is_told_by_the_ending_unless_stated(self, uri, stated, expected):
        assert plan_of({"model": {"uri": uri, "format": stated}}).model.resolved_format() == expected


def rollout_of(**fields):
    return plan_of({"model": {"uri": URI}, "rollout": fields}).rollout


class TestStrategies:
    """Each is a list of steps: what of the traffic the candidate gets, and for how long."""

    @pytest.mark.parametrize(
        ("fields", "steps"),
        [
            ({"strategy": "Direct"}, []),
            ({"steps": [{"weight": 7, "hold": "1m"}]}, [(Exposure(7), 60)]),
            (
                {"steps": [{"mirror": 100, "hold": "1m"}, {"weight": 7}]},
                [(Exposure(mirror=100), 60), (Exposure(7), None)],
            ),
            ({"strategy": "Shadow"}, [(Exposure(mirror=100), None)]),
            (
                {"strategy": "Shadow", "steps": [{"weight": 10, "hold": "1m"}, {"weight": 100}]},
                [(Exposure(mirror=10), 60), (Exposure(mirror=100), None)],
            ),
            ({"strategy": "BlueGreen"}, [(Exposure(preview=True), None)]),
            (
                {"strategy": "BlueGreen", "blueGreen": {"previewHold": "2m", "keep": "1h"}},
                [(Exposure(preview=True), 120)],
            ),
            ({"strategy": "ABTest", "abTest": {"cookie": COOKIE}}, [(Exposure(matched=True), None)]),
            ({"strategy": "ABTest", "abTest": {"cookie": COOKIE, "hold": "1h"}}, [(Exposure(matched=True), 3600)]),
        ],
    )
    def test_have_their_steps(self, fields, steps):
        assert rollout_of(**fields).steps == tuple(Step(exposure, hold) for exposure, hold in steps)

    def test_blue_green_has_its_hosts(self):
        rollout = {"strategy": "BlueGreen", "blueGreen": {"previewHosts": ["preview.example.com"]}}
        traffic = {"hosts": ["example.com"], "gateways": ["istio-ingress/public"]}
        made = plan_of({"model": {"uri": URI}, "rollout": rollout, "traffic": traffic}).rollout
        assert made.preview_hosts == ("preview.example.com",)

    def test_an_ab_test_has_its_match(self):
        assert rollout_of(strategy="ABTest", abTest={"cookie": COOKIE}).match.cookie.value == "b"

    def test_what_else_the_user_says(self):
        made = rollout_of(
            surge=0,
            allowDowntime=True,
            fastTrack=True,
            revisionHistoryLimit=0,
            keepFailedPod="0s",
            checks={
                "timeout": "1m",
                "items": [CHECK],
            },
        )
        assert (made.surge, made.allow_downtime, made.fast_track, made.history_limit) == (0, True, True, 0)
        assert made.keep_failed_pod == 0
        assert ([check.name for check in made.checks], made.checks_timeout) == (["one"], 60)


class TestExposure:
    @pytest.mark.parametrize(
        ("exposure", "share"),
        [
            (NO_TRAFFIC, 0),
            (Exposure(30), 30),
            (Exposure(mirror=40), 40),
            (Exposure(matched=True), 100),
            (Exposure(preview=True), 100),
        ],
    )
    def test_needs_pods_for_its_share(self, exposure, share):
        assert exposure.share == share
        assert exposure.has_traffic == (share > 0)

    def test_answering_more_is_more_than_any_copy_or_preview(self):
        rising = [NO_TRAFFIC, Exposure(mirror=10), Exposure(preview=True), Exposure(1), Exposure(20), ALL_TRAFFIC]
        assert sorted(rising, key=lambda exposure: exposure.order) == rising


class TestAnalysis:
    def test_has_defaults(self):
        made = rollout_of(steps=[{"weight": 10, "hold": "1m"}]).analysis
        assert made == replace(ANALYSIS, provider="Triton", deadline=1800, may_query=False)

    def test_suits_little_traffic_where_nobody_has_asked_for_steps(self):
        assert rollout_of().analysis.on_inconclusive == "ContinueIfClean"
        assert rollout_of(strategy="Shadow").analysis.on_inconclusive == "Pause"
        assert rollout_of(analysis={"onInconclusive": "Pause"}).analysis.on_inconclusive == "Pause"

    def test_has_the_deadline_that_the_user_wants_at_each_step(self):
        made = rollout_of(analysis={"deadline": "1m"})
        assert [made.deadline_at(step) for step in range(2)] == [60, 60]
        assert [rollout_of().deadline_at(step) for step in range(2)] == [1800, 2700]

    def test_is_by_prometheus_where_the_operator_knows_one(self):
        known = Settings(prometheus_url="http://prometheus:9090")
        assert read_plan(METADATA, {"model": {"uri": URI}}, known).rollout.analysis.provider == "Prometheus"

    def test_is_by_what_the_user_says(self):
        known = Settings(prometheus_url="http://prometheus:9090")
        for provider in ("Prometheus", "Triton", "None"):
            spec = {"model": {"uri": URI}, "rollout": {"analysis": {"provider": provider}}}
            assert read_plan(METADATA, spec, known).rollout.analysis.provider == provider

    def test_percentages_become_shares(self):
        made = rollout_of(
            analysis={
                "interval": "1m",
                "deadline": "1h",
                "onInconclusive": "Rollback",
                "latencyObjectiveMilliseconds": 100,
                "judge": {"tolerated": 2, "against": 4, "negligiblePercent": 5, "alpha": 0.1, "beta": 0.2},
                "guard": {"maxErrorPercent": 20, "maxSlowPercent": 30, "minRequests": 50},
            }
        ).analysis
        assert (made.interval, made.deadline, made.on_inconclusive, made.latency_objective) == (
            60,
            3600,
            "Rollback",
            100,
        )
        assert (made.tolerated, made.against, made.negligible, made.alpha, made.beta) == (2, 4, 0.05, 0.1, 0.2)
        assert made.guard == Guard(errors=0.2, slow=0.3, min_requests=50)

    def test_a_pair_of_selectors_is_a_business_metric(self):
        pair = {"name": "orders", "bad": "abandoned", "total": "orders"}
        analysis = rollout_of(analysis={"queries": [pair]}).analysis
        assert (analysis.queries, analysis.business) == ((), (BusinessMetric("orders", "abandoned", "orders"),))
        assert analysis.provider == "Prometheus"

    def test_errors_are_independent_unless_said_otherwise(self):
        assert (rollout_of().analysis.burst, rollout_of(analysis={"judge": {"burst": 20}}).analysis.burst) == (1, 20)

    def test_queries_keep_their_limits(self):
        limited = {"name": "memory", "query": "sum(x)", "min": 0, "max": 8, "failureLimit": 1}
        compared = {"name": "cache", "query": "sum(y)", "maxRatioToStable": 1.5}
        assert rollout_of(analysis={"queries": [limited, compared]}).analysis.queries == (
            Query("memory", "sum(x)", minimum=0, maximum=8, max_ratio=None, failure_limit=1),
            Query("cache", "sum(y)", minimum=None, maximum=None, max_ratio=1.5, failure_limit=3),
        )


class TestDurations:
    @pytest.mark.parametrize(
        ("text", "seconds"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("1h1s", 3601), ("2h3m4s", 7384), ("1s", 1)]
    )
    def test_hours_minutes_and_seconds(self, text, seconds):
        assert plan_of({"model": {"uri": URI}, "traffic": {"timeout": text}}).timeout == seconds

    @pytest.mark.parametrize("text", ["55", "1m1h", "1.5h", "-5s", "5 m", "1d", "5m\n", "٣s", "99999999h"])
    def test_what_is_none_is_rejected_with_a_sentence(self, text):
        with pytest.raises(InvalidSpecError, match="hours, minutes and seconds"):
            plan_of({"model": {"uri": URI}, "rollout": {"drain": text}})

    def test_the_longest_is_still_in_the_calendar(self):
        made = plan_of({"model": {"uri": URI}, "rollout": {"steps": [{"weight": 1, "hold": "99999h999999m59s"}]}})
        hold = made.rollout.steps[0].hold
        assert hold
        assert hold < 100 * 365 * 86400


class TestRevision:
    def test_the_order_of_fields_does_not_matter(self):
        assert plan_of(reordered(FULL)).revision == plan_of(FULL).revision

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("scaling", {"minReplicas": 9}),
            ("traffic", {"hosts": ["b.example.com"], "gateways": ["x/y"]}),
            ("traffic.timeout", "5s"),
            ("rollout", {"strategy": "Direct"}),
            ("rollout.surge", 0),
            ("rollout.analysis", {"provider": "None"}),
            (
                "rollout.checks",
                {"items": [CHECK]},
            ),
            ("rollout.paused", False),
            ("model.refresh", "5m"),
            ("model.provenance", {"commit": "4f2a9c1"}),
            ("model.tagRegistry", True),
            ("runtime.disruptionBudget", {"maxUnavailable": 2}),
            ("futureField", {"nobody": "knows"}),
            ("model.futureField", "nobody knows"),
        ],
    )
    def test_fields_that_shape_no_pod_make_no_new_revision(self, path, value):
        assert plan_of(changed(path, value)).revision == plan_of(FULL).revision

    def test_the_operators_settings_make_no_new_revision(self):
        upgraded = Settings(triton_image="b", models_image="c", image_pull_policy="Never", min_ready_seconds=99)
        assert read_plan(METADATA, FULL, upgraded).revision == plan_of(FULL).revision

    def test_annotations_and_the_generation_make_no_new_revision(self):
        later = {**METADATA, "generation": 99, "annotations": {ANNOTATION_PROMOTE: "bcdfghjk"}}
        assert read_plan(later, FULL, Settings()).revision == plan_of(FULL).revision

    def test_saying_a_default_is_the_same_as_leaving_it_out(self):
        brief = {"model": {"uri": URI}}
        said = {"model": {"uri": URI, "name": METADATA["name"], "digest": None}, "runtime": {}}
        assert plan_of(said).revision == plan_of(brief).revision

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("model.uri", "https://models.example.com/digits-2.tar.gz"),
            ("model.format", "onnx"),
            ("model.digest", f"sha256:{'1' * 64}"),
            ("model.name", "figures"),
            ("model.version", "8"),
            ("model.caBundle", {"name": "company-ca", "key": "other.crt"}),
            ("model.path", "digits"),
            ("model.imageVolume", True),
            ("model.endpoint", "https://minio.example.com"),
            ("model.credentials", {"secretName": "s3"}),
            ("model.cache", {"claim": "models", "limit": "1Gi"}),
            ("model.maxSize", "20Gi"),
            ("model.config", {"maxBatchSize": 8}),
            ("model.config", {"dynamicBatching": {}}),
            ("runtime.gpu", {}),
            ("runtime.tensorMemory", {"shared": "1Gi"}),
            ("runtime.priorityClassName", "serving"),
            ("runtime.podTemplate", {"spec": {"runtimeClassName": "nvidia"}}),
            ("runtime.podTemplate", {"spec": {"tolerations": []}}),
            ("runtime.image", "registry.example.com/triton:2"),
            ("runtime.imagePullPolicy", "Never"),
            ("runtime.imagePullSecrets", []),
            ("runtime.resources.limits", {"nvidia.com/gpu": 2, "memory": "4Gi"}),
            ("runtime.resources.requests", {"cpu": "3"}),
            ("runtime.args", ["--strict-readiness=true", "--log-verbose=1"]),
            ("runtime.env.0.value", "4"),
            ("runtime.env.1.valueFrom", {"secretKeyRef": {"name": "token", "key": "u"}}),
            ("runtime.nodeSelector", {"accelerator": "h200"}),
            ("runtime.tolerations.0.tolerationSeconds", 61),
            ("runtime.serviceAccountName", "other"),
            ("runtime.terminationGracePeriodSeconds", 121),
        ],
    )
    def test_each_field_that_shapes_the_pods_makes_a_new_one(self, path, value):
        assert plan_of(changed(path, value)).revision != plan_of(FULL).revision

    def test_an_alias_and_the_version_behind_it_are_one(self):
        alias = with_resolved_uri(
            read_plan(METADATA, {"model": {"uri": "models:/digits@champion"}}, Settings()), "models:/digits/7"
        )
        assert alias.revision == plan_of({"model": {"uri": "models:/digits/7"}}).revision
        assert alias.model_uri == "models:/digits/7"

    def test_objects_of_different_names_differ_as_their_models_are_called_differently(self):
        other = read_plan({**METADATA, "name": "letters"}, {"model": {"uri": URI}}, Settings())
        assert other.revision != plan_of({"model": {"uri": URI}}).revision


class TestCommands:
    @pytest.mark.parametrize(
        ("value", "command"),
        [
            ("bcdfghjk", Command("bcdfghjk", 1)),
            ("bcdfghjk/1", Command("bcdfghjk", 1)),
            ("bcdfghjk/12", Command("bcdfghjk", 12)),
            ("", None),
            ("/2", None),
            ("bcdfghjk/", None),
            ("bcdfghjk/two", None),
            ("bcdfghjk/-1", None),
            ("bcdfghjk/3/2", Command("bcdfghjk", 3, step=2)),
            ("bcdfghjk/1/", None),
            ("bcdfghjk/1/2/3", None),
            ("bcdfghjk/²", None),
            ("bcdfghjk\n", None),
            ("true", Command("true", 1)),
            (f"bcdfghjk/{'9' * 5000}", None),
        ],
    )
    def test_a_command_names_a_revision_and_perhaps_an_attempt(self, value, command):
        assert Command.parse(value) == command

    def test_each_annotation_is_its_own_command(self):
        annotations = {ANNOTATION_PROMOTE: "b", ANNOTATION_ABORT: "c/2", ANNOTATION_RETRY: "d/3", "other": "e"}
        rollout = plan_of(annotations=annotations | {ANNOTATION_ROLLBACK: "e/4"}).rollout
        assert rollout.rollback == Rollback("e", 4)
        assert (rollout.promote, rollout.abort, rollout.retry) == (Command("b", 1), Command("c", 2), Command("d", 3))

    def test_a_rollback_has_no_step(self):
        assert Rollback.parse("b/1/2") is None

    def test_an_object_without_annotations_has_none(self):
        made = read_plan({**METADATA, "annotations": None}, {"model": {"uri": URI}}, Settings())
        assert made.rollout == replace(made.rollout, promote=None, abort=None, retry=None)


def nested(depth):
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


class TestRejection:
    @pytest.mark.parametrize(
        ("spec", "sentence"),
        [
            ({}, "spec.model: Field required"),
            ({"model": {}}, "spec.model.uri: Field required"),
            ({"model": {"uri": URI, "format": "keras"}}, "spec.model.format: .*'onnx', .* or 'triton'"),
            (
                {"model": {"uri": URI}, "scaling": {"replicas": 0}},
                "spec.scaling.replicas: .* greater than or equal to 1",
            ),
            (
                {"model": {"uri": URI}, "rollout": {"steps": [{"hold": "5m"}]}},
                "spec.rollout.steps.0: set exactly one of weight and mirror",
            ),
            ({"model": {"uri": URI}, "rollout": {"surge": 2}}, "spec.rollout.surge"),
            ({"model": {"uri": URI}, "rollout": {"checks": {"items": []}}}, "spec.rollout.checks.items"),
            ({"model": {"uri": "https://[models.example.com/m.onnx"}}, "spec.model.uri: .* is not a valid URI"),
            ({"model": {"uri": URI, "cache": {"claim": "c", "limit": "lots"}}}, "spec.model.cache.limit: 'lots'"),
            ({"model": {"uri": URI, "maxSize": "much"}}, "spec.model.maxSize: 'much' is not a valid size"),
            (
                {"model": {"uri": URI, "maxSize": "101Gi"}},
                r"operator allows 100Gi \(Helm value models.maxSize\): lower",
            ),
            ({"model": {"uri": URI, "path": "a/../../b"}}, "spec.model.path leads out"),
            (
                {"model": {"uri": URI}, "rollout": {"checks": {"items": [{**CHECK, "dataset": OUTSIDE}]}}},
                "spec.rollout.checks: dataset.path of one leads out of its source",
            ),
            (
                {"model": {"uri": URI}, "runtime": {"tensorMemory": {"cuda": "-1"}}},
                "spec.runtime.tensorMemory.cuda: '-1'",
            ),
            (
                {"model": {"uri": URI}, "runtime": {"podTemplate": {"spec": {"containers": [{"image": "x"}]}}}},
                "spec.runtime.podTemplate: .* needs name",
            ),
            (
                {"model": {"uri": URI}, "runtime": {"podTemplate": {"metadata": {"labels": {"app": "x"}}}}},
                "spec.runtime.podTemplate: .* cannot set app",
            ),
            (
                {
                    "model": {"uri": URI},
                    "runtime": {"podTemplate": {"metadata": {"labels": {"nereid.dev/model-job": "x"}}}},
                },
                "spec.runtime.podTemplate: .* cannot set nereid.dev/model-job",
            ),
            (
                {"model": {"uri": URI}, "runtime": {"podTemplate": {"spec": nested(100)}}},
                "spec is nested more than 100 levels deep",
            ),
            (
                {"model": {"uri": URI, "config": {"parameters": {"a": {"stringValue": "x" * (96 << 10)}}}}},
                "spec.model.config takes 97 KiB as JSON, and 96 KiB fit",
            ),
            (
                {"model": {"uri": URI}, "runtime": {"env": [{"name": "NEREID_POD_UID", "value": "x"}]}},
                "spec.runtime.env: NEREID_POD_UID is set by the operator",
            ),
            (
                {"model": {"uri": URI}, "runtime": {"env": [{"name": "A"}, {"name": "B"}, {"name": "A"}]}},
                "spec.runtime.env: A is set 2 times",
            ),
        ],
    )
    def test_a_spec_that_an_older_crd_let_pass_is_rejected_by_field(self, spec, sentence):
        with pytest.raises(InvalidSpecError, match=sentence):
            plan_of(spec)

    def test_a_name_too_long_for_its_children_is_rejected(self):
        with pytest.raises(InvalidSpecError, match="longer than 50 characters"):
            read_plan({**METADATA, "name": "m" * 51}, {"model": {"uri": URI}}, Settings())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"limits": {"nvidia.com/gpu": 1}}, {"limits": {"nvidia.com/gpu": "1"}}),
        ({"limits": {"cpu": 1}, "requests": {}}, {"limits": {"cpu": 1}}),
    ],
)
def test_two_ways_to_write_the_same_are_one_revision(one, other):
    written = [plan_of(spec={"model": {"uri": URI}, "runtime": {"resources": way, "env": []}}) for way in (one, other)]
    assert len({plan.revision for plan in written}) == 1


ASKING = {"name": "memory", "query": "sum(memory)", "max": 1}


@pytest.mark.parametrize(
    ("interval", "settings", "expected"),
    [
        ("5s", Settings(allow_queries=True), (30, True)),
        ("5s", Settings(allow_queries=True, shortest_query_interval=10), (10, True)),
        ("1m", Settings(allow_queries=True), (60, True)),
        # A spec with queries is carried out without them, as it may be that of a rollout that is under way.
        ("5s", Settings(), (5, False)),
    ],
)
def test_queries_of_users_run_where_they_are_allowed_and_not_too_often(
    interval: str, settings: Settings, expected: tuple[int, bool]
) -> None:
    spec = {"model": {"uri": URI}, "rollout": {"analysis": {"interval": interval, "queries": [ASKING]}}}
    analysis = read_plan(METADATA, spec, settings).rollout.analysis
    assert (analysis.interval, analysis.runs_queries) == expected
    assert [query.name for query in analysis.queries] == ["memory"]


@pytest.mark.parametrize(
    ("metrics", "settings", "types"),
    [
        (["Query", "CPU"], Settings(allow_queries=True), ["Query", "CPU"]),
        (["Query", "CPU"], Settings(), ["CPU"]),
        (["Query"], Settings(), ["QueueRatio"]),
    ],
)
def test_scaling_by_queries_of_users_falls_back_to_other_metrics_where_they_are_not_allowed(
    metrics: list[str], settings: Settings, types: list[str]
) -> None:
    wanted = [{"type": kind, "target": 2, **({"query": "sum(up)"} if kind == "Query" else {})} for kind in metrics]
    spec = {"model": {"uri": URI}, "scaling": {"maxReplicas": 4, "metrics": wanted}}
    scaling = read_plan(METADATA, spec, settings).autoscaling
    assert scaling
    assert [metric.type for metric in scaling.metrics] == types
    assert scaling.lacks_queries == (len(types) < len(metrics) or types == ["QueueRatio"])


def test_patches_of_pods_may_be_switched_off() -> None:
    spec = {"model": {"uri": URI}, "runtime": {"podTemplate": {"spec": {"hostNetwork": True}}}}
    with pytest.raises(InvalidSpecError, match="allowPodTemplate"):
        read_plan(METADATA, spec, Settings(allow_pod_template=False))


@pytest.mark.parametrize(
    "spec",
    [
        {"model": {"uri": URI, "config": {"maxBatchSizes": 8}}},
        {"model": {"uri": URI}, "runtime": {"env": [{"name": "A"}, {"name": "A"}]}},
    ],
)
def test_where_only_the_pods_are_rejected_the_rest_is_planned(spec) -> None:
    spec = {**spec, "scaling": {"minReplicas": 3}}
    reading = read_spec(Owner("models", "digits", "1f7c", 3), {}, spec, Settings())
    assert reading.plan.replicas == 3
    assert reading.rejection
    with pytest.raises(InvalidSpecError, match=re.escape(reading.rejection)):
        plan_of(spec)


def test_of_a_spec_that_cannot_be_read_nothing_is_told() -> None:
    with pytest.raises(InvalidSpecError):
        read_spec(Owner("models", "digits", "1f7c", 3), {}, {"model": {}}, Settings())


def test_a_version_leads_to_itself() -> None:
    asked = read_plan(METADATA, {"model": {"uri": "models:/digits/7"}}, Settings())
    assert with_resolved_uri(asked, "models:/digits/7") is asked
