"""The API server itself rejects what cannot work, with a sentence that says what to change."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from tests.support.api.control_plane import ROOT
from tests.support.api.kubernetes import Kubernetes, Object, RequestFailedError

CRD = ROOT / "crds" / "nereid.dev_modeldeployments.yaml"
DIGEST = "sha256:" + "0" * 64
CLAIM = {"uri": "pvc://models/digits"}
ONNX = {"uri": "https://models.example.com/digits.onnx"}
HOSTS = {"hosts": ["digits.example.com"], "gateways": ["istio-ingress/public"]}

SOURCES = (
    "s3://models/digits/7/",
    "gs://models/digits/7",
    "azure://account/container/digits/7",
    "hf://org/model",
    "hf://org/model:v1.0",
    "oci://registry.example.com:5000/team/digits",
    "oci://registry.example.com/team/digits:7",
    f"oci://registry.example.com/team/digits@{DIGEST}",
    "models:/digits/7",
    "models:/digits@champion",
    "models:/digits/latest",
    "runs:/0123456789abcdef/model",
)

INPUTS = [{"name": "X", "columns": ["a", "b_*"]}]
DATASET = {"uri": "pvc://models/held-out.csv", "inputs": INPUTS}
BY_URL = {"uri": "https://example.com/d.csv", "caBundle": {"name": "ca", "key": "ca.crt"}, "inputs": INPUTS}
IN_CONFIG_MAP = {"configMap": {"name": "data", "key": "d.csv"}, "inputs": INPUTS}
ACCURACY = {"label": "species", "output": "y", "minimumPercent": 95}
REQUESTS = [{"body": {"inputs": []}, "expected": [{"name": "y", "data": [1]}]}]

VALID: dict[str, Object] = {
    "least": {"model": CLAIM},
    "digest of an ONNX file": {"model": {**ONNX, "digest": DIGEST}},
    "digest of an archive": {"model": {"uri": "https://example.com/a.tar.gz", "digest": DIGEST}},
    "digest of an ONNX file on a claim": {"model": {"uri": "pvc://models/m.onnx", "digest": DIGEST}},
    "digest of a folder": {"model": {**CLAIM, "digest": DIGEST}},
    "private authority": {"model": {**ONNX, "caBundle": {"name": "ca", "key": "ca.crt"}}},
    **{f"source {uri}": {"model": {"uri": uri, "format": "sklearn"}} for uri in SOURCES},
    "everything about a source": {
        "model": {
            "uri": "models:/digits@champion",
            "path": "onnx/model.onnx",
            "endpoint": "https://mlflow.example.com",
            "credentials": {"secretName": "mlflow"},
            "caBundle": {"name": "ca", "key": "ca.crt"},
            "refresh": "5m",
            "cache": {"claim": "models", "limit": "50Gi"},
            "maxSize": "20Gi",
            "tagRegistry": True,
            "config": {"maxBatchSize": 8, "dynamicBatching": {}},
            "provenance": {"repository": "r", "commit": "c", "dataset": "d", "datasetVersion": "1", "run": "r"},
        }
    },
    "refresh of a tag": {"model": {"uri": "oci://registry.example.com/digits:latest", "refresh": "1h"}},
    "an image that is fetched": {"model": {"uri": "oci://registry.example.com/digits:7", "imageVolume": False}},
    "refresh of a branch": {"model": {"uri": "hf://org/model:main", "refresh": "1h"}},
    "a GPU": {"model": CLAIM, "runtime": {"gpu": {"product": ["NVIDIA-H200"], "count": 2}}},
    "a slice of a GPU": {"model": CLAIM, "runtime": {"gpu": {"mig": "1g.10gb"}}},
    "a shared GPU": {"model": CLAIM, "runtime": {"gpu": {"shared": True}, "resources": {"limits": {"cpu": 1}}}},
    "hardware": {
        "model": CLAIM,
        "runtime": {
            "tensorMemory": {"shared": "1Gi", "pinned": 268435456, "cuda": "64Mi"},
            "priorityClassName": "serving",
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
            ],
            "disruptionBudget": {"minAvailable": "50%"},
            "podTemplate": {"spec": {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["models"]}]}},
        },
    },
    "hosts and gateways": {"model": CLAIM, "traffic": HOSTS},
    "steps": {"model": CLAIM, "rollout": {"steps": [{"weight": 5, "hold": "1h30m"}, {"weight": 50}]}},
    "direct": {"model": CLAIM, "rollout": {"strategy": "Direct"}},
    "mirror steps first": {"model": CLAIM, "rollout": {"steps": [{"mirror": 100, "hold": "1m"}, {"weight": 5}]}},
    "windows": {
        "model": CLAIM,
        "rollout": {
            "maxDuration": "24h",
            "keepFailedPod": "1h",
            "windows": [
                {"days": ["Mon", "Fri"], "from": "09:00", "to": "17:00", "timeZone": "Europe/Berlin"},
                {"from": "22:00", "to": "24:00", "timeZone": "Etc/GMT+1"},
            ],
        },
    },
    "webhooks": {
        "model": CLAIM,
        "rollout": {
            "webhooks": [
                {"name": "board", "type": "Approval", "url": "https://a.b/c?d=e", "when": "EachStep", "interval": "5s"},
                {
                    "name": "chat",
                    "type": "Notification",
                    "url": "http://gate.team-a.svc:8080",
                    "events": ["Started", "Completed"],
                    "format": "Slack",
                    "timeoutSeconds": 30,
                },
            ]
        },
    },
    "a gate at each step": {"model": CLAIM, "rollout": {"steps": [{"weight": 10}, {"weight": 50}]}},
    "shadow": {"model": CLAIM, "rollout": {"strategy": "Shadow", "steps": [{"weight": 100}]}},
    "A/B test": {
        "model": CLAIM,
        "rollout": {
            "strategy": "ABTest",
            "abTest": {
                "headers": [
                    {"name": "x-cohort", "exact": "beta"},
                    {"name": "x-country", "regex": r"(?:de|at)\(?=?[0-9]{2,6}|\pL+"},
                ],
                "cookie": {"name": "cohort", "value": "beta"},
                "hold": "168h",
            },
        },
    },
    "built-in check alone": {"model": CLAIM, "rollout": {"checks": {"smoke": True, "timeout": "1m"}}},
    "no built-in check": {"model": CLAIM, "rollout": {"checks": {"smoke": False}}},
    "blue/green": {
        "model": CLAIM,
        "traffic": HOSTS,
        "rollout": {
            "strategy": "BlueGreen",
            "blueGreen": {"previewHosts": ["preview.example.com"], "previewHold": "1h", "keep": "15m"},
        },
    },
    "bake and holdback": {"model": CLAIM, "rollout": {"bake": "1h", "holdback": 5}},
    "bake of a direct one": {"model": CLAIM, "rollout": {"strategy": "Direct", "bake": "90s"}},
    "no surge": {"model": CLAIM, "scaling": {"minReplicas": 2}, "rollout": {"surge": 0}},
    "no surge, with downtime": {"model": CLAIM, "rollout": {"surge": 0, "allowDowntime": True, "keepFailedPod": "0s"}},
    "analysis": {
        "model": CLAIM,
        "rollout": {
            "analysis": {
                "provider": "Prometheus",
                "interval": "5s",
                "deadline": "1h",
                "onInconclusive": "Rollback",
                "latencyObjectiveMilliseconds": 100,
                "judge": {
                    "tolerated": 3,
                    "against": 6,
                    "negligiblePercent": 0.5,
                    "alpha": 0.001,
                    "beta": 0.1,
                    "burst": 5,
                },
                "guard": {"maxErrorPercent": 5, "maxSlowPercent": 20, "minRequests": 20},
                "queries": [
                    {"name": "queue", "query": "1", "maxRatioToStable": 2, "failureLimit": 5},
                    {"name": "orders", "bad": "abandoned", "total": "orders"},
                ],
            }
        },
    },
    "checks": {
        "model": CLAIM,
        "rollout": {
            "checks": {
                "timeout": "5m",
                "items": [
                    {"name": "known", "requests": REQUESTS},
                    {"name": "accuracy", "dataset": DATASET, "accuracy": ACCURACY, "when": "EachStep"},
                    {"name": "latency", "dataset": BY_URL, "latency": {"maximumMilliseconds": 20}},
                    {"name": "same", "dataset": IN_CONFIG_MAP, "comparison": {"output": "y", "kind": "Classes"}},
                ],
            }
        },
    },
    "autoscaling by default": {"model": CLAIM, "scaling": {"maxReplicas": 4}},
    "autoscaling": {
        "model": CLAIM,
        "runtime": {"resources": {"requests": {"cpu": "2"}, "limits": {"memory": "4Gi"}}},
        "scaling": {
            "minReplicas": 2,
            "maxReplicas": 2,
            "metrics": [
                {"type": "CPU", "target": 70},
                {"type": "Memory", "target": 80},
                {"type": "QueueTime", "target": 0.5},
                {"type": "Query", "target": 1, "query": "sum(up)", "perPod": False},
            ],
            "behavior": {
                "scaleUp": {"policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
                "scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Disabled"},
            },
        },
    },
    "scale to zero": {
        "model": CLAIM,
        "scaling": {"minReplicas": 0, "maxReplicas": 1, "scaleToZeroAfter": "1h", "coldStartTimeout": "10m"},
    },
    "objectives": {
        "model": CLAIM,
        "monitoring": {
            "objectives": {"availabilityPercent": 99.9, "latencyMilliseconds": 250, "latencyPercent": 95},
            "alerts": False,
        },
    },
    "tracing": {
        "model": CLAIM,
        "runtime": {"tracing": {"url": "http://otel.observability:4318/v1/traces", "samplePercent": 0.5}},
    },
    "runtime": {
        "model": CLAIM,
        "runtime": {
            "image": "triton:1",
            "resources": {"limits": {"nvidia.com/gpu": 1, "memory": "4Gi"}},
            "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "key"}}}],
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        },
    },
}

INVALID: dict[str, tuple[Object, str]] = {
    "no model": ({}, "spec.model: Required value"),
    "no uri": ({"model": {}}, "spec.model.uri: Required value"),
    "unknown scheme": ({"model": {"uri": "ftp://example.com/m"}}, "must be one of pvc://CLAIM/PATH"),
    "plain http": ({"model": {"uri": "http://example.com/m"}}, "must be one of pvc://CLAIM/PATH"),
    "password in uri": ({"model": {"uri": "https://me:secret@example.com/m"}}, "without user or password"),
    "unknown format": ({"model": {**CLAIM, "format": "pickle"}}, 'supported values: "onnx"'),
    "short digest": ({"model": {**ONNX, "digest": "sha256:0"}}, "64 lower-case hexadecimal digits"),
    "bucket without a key": ({"model": {"uri": "s3://models"}}, "s3://BUCKET/KEY"),
    "image with a short digest": ({"model": {"uri": "oci://r.example.com/m@sha256:0"}}, "oci://REGISTRY/REPOSITORY"),
    "stage of a registry": ({"model": {"uri": "models:/digits/Production"}}, "models:/NAME@ALIAS"),
    "authority of a claim": (
        {"model": {**CLAIM, "caBundle": {"name": "a", "key": "b"}}},
        "caBundle applies only to models that are fetched",
    ),
    "credentials of a claim": (
        {"model": {**CLAIM, "credentials": {"secretName": "a"}}},
        "credentials apply only to models that are fetched",
    ),
    "cache of a claim": (
        {"model": {**CLAIM, "cache": {"claim": "a", "limit": "1Gi"}}},
        "cache applies only to models that are fetched",
    ),
    "endpoint of https": ({"model": {**ONNX, "endpoint": "https://a.example.com"}}, "endpoint applies only to s3"),
    "endpoint without scheme": (
        {"model": {"uri": "s3://models/a", "endpoint": "minio:9000"}},
        "must be an http or https URL",
    ),
    "path of https": ({"model": {**ONNX, "path": "a"}}, "an https:// URI is a single file"),
    "absolute path": ({"model": {**CLAIM, "path": "/a"}}, "must be a relative path"),
    "refresh of a version": (
        {"model": {"uri": "models:/digits/7", "refresh": "5m"}},
        "refresh applies only to references",
    ),
    "refresh of a digest": (
        {"model": {"uri": f"oci://r.example.com/m@{DIGEST}", "refresh": "5m"}},
        "refresh applies only to references",
    ),
    "refresh of one digest": (
        {"model": {"uri": "models:/digits@champion", "refresh": "5m", "digest": DIGEST}},
        "digest fixes one model",
    ),
    "volume of what is no image": ({"model": {**CLAIM, "imageVolume": True}}, "imageVolume applies only to oci://"),
    "tags without a registry": ({"model": {**ONNX, "tagRegistry": True}}, "tagRegistry applies only to models:/"),
    "a GPU twice": (
        {"model": CLAIM, "runtime": {"gpu": {}, "resources": {"limits": {"nvidia.com/gpu": 1}}}},
        "both request GPUs",
    ),
    "a shared slice": (
        {"model": CLAIM, "runtime": {"gpu": {"mig": "1g.10gb", "shared": True}}},
        "are mutually exclusive",
    ),
    "no MIG profile": ({"model": CLAIM, "runtime": {"gpu": {"mig": "small"}}}, "must be a MIG profile"),
    "two budgets": (
        {"model": CLAIM, "runtime": {"disruptionBudget": {"minAvailable": 1, "maxUnavailable": 1}}},
        "set exactly one of maxUnavailable and minAvailable",
    ),
    "an impossible budget": (
        {"model": CLAIM, "runtime": {"disruptionBudget": {"minAvailable": "150%"}}},
        "must be a number of pods, or a percentage",
    ),
    "version not a label": ({"model": {**CLAIM, "version": "v 1"}}, "must be a valid label value"),
    "model name with a slash": ({"model": {**CLAIM, "name": "a/b"}}, "begin and end with a letter or digit"),
    "tracing to no collector": (
        {"model": CLAIM, "runtime": {"tracing": {"url": "otel:4317"}}},
        "OpenTelemetry collector's OTLP receiver over HTTP",
    ),
    "objective beyond reach": (
        {"model": CLAIM, "monitoring": {"objectives": {"availabilityPercent": 100}}},
        "availabilityPercent in body should be less than or equal to 99",
    ),
    "hosts without gateways": (
        {"model": CLAIM, "traffic": {"hosts": ["a.b"]}},
        "hosts and gateways must be set together",
    ),
    "wildcard host": ({"model": CLAIM, "traffic": {**HOSTS, "hosts": ["*.a.b"]}}, "must be a DNS name"),
    "gateway without namespace": ({"model": CLAIM, "traffic": {**HOSTS, "gateways": ["public"]}}, "NAMESPACE/NAME"),
    "no timeout": ({"model": CLAIM, "traffic": {"timeout": "0s"}}, "timeout must be at least 1s"),
    "duration without unit": ({"model": CLAIM, "traffic": {"timeout": "60"}}, "for instance 1h30m, 5m or 90s"),
    "all traffic in a step": ({"model": CLAIM, "rollout": {"steps": [{"weight": 100}]}}, "canary's weights must be"),
    "no step": ({"model": CLAIM, "rollout": {"steps": []}}, "should have at least 1 items"),
    "falling weights": (
        {"model": CLAIM, "rollout": {"steps": [{"weight": 50, "hold": "1m"}, {"weight": 10}]}},
        "weights must rise",
    ),
    "equal weights": (
        {"model": CLAIM, "rollout": {"steps": [{"weight": 10, "hold": "1m"}, {"weight": 10}]}},
        "weights must rise",
    ),
    "direct with steps": (
        {"model": CLAIM, "rollout": {"strategy": "Direct", "steps": [{"weight": 10}]}},
        "only strategies Canary and Shadow have steps",
    ),
    "hasty deadline": ({"model": CLAIM, "rollout": {"progressDeadlineSeconds": 1}}, "greater than or equal to 10"),
    "short grace period": (
        {"model": CLAIM, "runtime": {"terminationGracePeriodSeconds": 1}},
        "greater than or equal to 30",
    ),
}

# What is wrong in spec.rollout.
INVALID_ROLLOUTS: dict[str, tuple[Object, str]] = {
    "unknown strategy": ({"strategy": "Rolling"}, "supported values: "),
    "blue/green with steps": ({"strategy": "BlueGreen", "steps": [{"weight": 5}]}, "only strategies Canary and Shadow"),
    "webhook with a password": (
        {"webhooks": [{"name": "a", "type": "Approval", "url": "https://me:secret@a.b/"}]},
        "must be an http or https URL without user, password and fragment",
    ),
    "webhook without a scheme": (
        {"webhooks": [{"name": "a", "type": "Approval", "url": "file:///etc/passwd"}]},
        "must be an http or https URL without user, password and fragment",
    ),
    "notification that is waited for": (
        {"webhooks": [{"name": "a", "type": "Notification", "url": "https://a.b/", "when": "EachStep"}]},
        "when and interval are of an approval",
    ),
    "approval by Slack": (
        {"webhooks": [{"name": "a", "type": "Approval", "url": "https://a.b/", "format": "Slack"}]},
        "events and format are of a notification",
    ),
    "hasty approval": (
        {"webhooks": [{"name": "a", "type": "Approval", "url": "https://a.b/", "interval": "1s"}]},
        "the interval of an approval must be between 5s and 1h",
    ),
    "window without length": ({"windows": [{"from": "09:00", "to": "09:00"}]}, "from and to must differ"),
    "window of no time": ({"windows": [{"from": "9:00", "to": "17:00"}]}, "windows[0].from"),
    "window beyond the day": ({"windows": [{"from": "09:00", "to": "25:00"}]}, "must be a time of day such as 09:00"),
    "window on no day": ({"windows": [{"days": ["Monday"], "from": "09:00", "to": "17:00"}]}, "supported values: "),
    "zone with a path": (
        {"windows": [{"from": "09:00", "to": "17:00", "timeZone": "../x"}]},
        "must be a name of the IANA time zone database",
    ),
    "step of both kinds": ({"steps": [{"weight": 5, "mirror": 5}]}, "exactly one of weight"),
    "step of neither kind": ({"steps": [{"hold": "1m"}]}, "exactly one of weight"),
    "mirror after a weight": ({"steps": [{"weight": 5}, {"mirror": 50}]}, "mirror steps come before"),
    "falling copies": ({"steps": [{"mirror": 50}, {"mirror": 5}]}, "mirror steps come before"),
    "mirror of a shadow": ({"strategy": "Shadow", "steps": [{"mirror": 5}]}, "write weight instead of mirror"),
    "mirror without surge": ({"surge": 0, "steps": [{"mirror": 5}]}, "surge: 0 cannot mirror"),
    "step beyond all traffic": ({"strategy": "Shadow", "steps": [{"weight": 101}]}, "less than or equal to 100"),
    "preview of a canary": ({"blueGreen": {"keep": "1m"}}, "blueGreen is valid only with strategy BlueGreen"),
    "A/B test without a match": ({"strategy": "ABTest"}, "strategy ABTest requires abTest"),
    "match of a canary": ({"abTest": {"cookie": {"name": "a", "value": "b"}}}, "no other strategy may set it"),
    "empty match": ({"strategy": "ABTest", "abTest": {"hold": "1h"}}, "abTest must set headers, cookie, or both"),
    "cookie with a space": (
        {"strategy": "ABTest", "abTest": {"cookie": {"name": "a b", "value": "c"}}},
        "must hold only letters, digits, dashes and underscores",
    ),
    "cookie with two values": (
        {"strategy": "ABTest", "abTest": {"cookie": {"name": "a", "value": "b;c"}}},
        "must hold only letters, digits, dashes, dots, underscores",
    ),
    "surge of two": ({"surge": 2}, "less than or equal to 1"),
    "blue/green without surge": (
        {"strategy": "BlueGreen", "surge": 0, "allowDowntime": True},
        "surge: 0 is valid only with strategies Canary and Direct",
    ),
    "only pod without surge": ({"surge": 0}, "set scaling.minReplicas to 2 or more, or rollout.allowDowntime to true"),
    "failed pod kept without surge": (
        {"surge": 0, "allowDowntime": True, "keepFailedPod": "5m"},
        "with surge: 0 no failed pod is kept",
    ),
    "downtime with surge": ({"allowDowntime": True}, "allowDowntime is valid only with surge: 0"),
    "preview without gateways": (
        {"strategy": "BlueGreen", "blueGreen": {"previewHosts": ["preview.example.com"]}},
        "previewHosts requires traffic.hosts and traffic.gateways",
    ),
    "bake of blue/green": ({"strategy": "BlueGreen", "bake": "1m"}, "the bake of strategy BlueGreen is blueGreen.keep"),
    "bake that is no duration": ({"bake": "forever"}, "must be a duration in hours, minutes and seconds"),
    "most held back": ({"holdback": 21}, "less than or equal to 20"),
    "holdback of a shadow": ({"strategy": "Shadow", "holdback": 5}, "holdback is valid only with strategy Canary"),
    "holdback without a bake": ({"bake": "0s", "holdback": 5}, "set bake too"),
    "holdback without surge": ({"surge": 0, "allowDowntime": True, "holdback": 5}, "set bake too"),
    "endless history": ({"revisionHistoryLimit": 101}, "less than or equal to 100"),
}

# What is wrong in spec.scaling.
INVALID_SCALINGS: dict[str, tuple[Object, str]] = {
    "no replicas": ({"replicas": 0}, "greater than or equal to 1"),
    "nothing to wake it": ({"minReplicas": 0}, "minReplicas: 0 requires maxReplicas, as only autoscaling"),
    "a most below the least": ({"minReplicas": 3, "maxReplicas": 2}, "maxReplicas must be at least minReplicas"),
    "a number beside autoscaling": (
        {"replicas": 2, "maxReplicas": 3},
        "replicas and maxReplicas are mutually exclusive",
    ),
    "metrics without a most": (
        {"metrics": [{"type": "QueueRatio", "target": 1}]},
        "metrics and behavior require maxReplicas, which turns autoscaling on",
    ),
    "behavior without a most": (
        {"behavior": {"scaleUp": {"selectPolicy": "Min"}}},
        "metrics and behavior require maxReplicas, which turns autoscaling on",
    ),
    "patience of a model that does not sleep": (
        {"maxReplicas": 3, "coldStartTimeout": "1m"},
        "scaleToZeroAfter and coldStartTimeout are valid only with minReplicas: 0",
    ),
    "sleep of a model that does not sleep": (
        {"minReplicas": 1, "maxReplicas": 3, "scaleToZeroAfter": "1m"},
        "scaleToZeroAfter and coldStartTimeout are valid only with minReplicas: 0",
    ),
    "sleep at once": (
        {"minReplicas": 0, "maxReplicas": 3, "scaleToZeroAfter": "9s"},
        "scaleToZeroAfter must be at least 10s",
    ),
    "no patience": (
        {"minReplicas": 0, "maxReplicas": 3, "coldStartTimeout": "0s"},
        "coldStartTimeout must be at least 1s",
    ),
    "processors without a request": (
        {"maxReplicas": 3, "metrics": [{"type": "CPU", "target": 70}]},
        "scaling by CPU requires runtime.resources.requests.cpu",
    ),
    "memory without a request": (
        {"maxReplicas": 3, "metrics": [{"type": "Memory", "target": 70}]},
        "scaling by Memory requires runtime.resources.requests.memory",
    ),
}

# What is wrong in one of the metrics of spec.scaling.
INVALID_METRICS: dict[str, tuple[Object, str]] = {
    "unknown metric": ({"type": "Load", "target": 1}, "supported values: "),
    "no target": ({"type": "QueueRatio", "target": 0}, "greater than 0"),
    "target that KEDA takes for none": ({"type": "QueueRatio", "target": 0.0001}, "target must be at least 0.001"),
    "query of another type": (
        {"type": "QueueTime", "target": 1, "query": "up"},
        "query is required with type: Query, and valid only with it",
    ),
    "no query": ({"type": "Query", "target": 1}, "query is required with type: Query, and valid only with it"),
    "another type's average": (
        {"type": "QueueTime", "target": 1, "perPod": True},
        "perPod is valid only with type: Query",
    ),
}

# What is wrong in one of the headers of an A/B test.
INVALID_HEADERS: dict[str, tuple[Object, str]] = {
    "header of two kinds": ({"name": "x-a", "exact": "1", "prefix": "2"}, "exactly one of exact, prefix and regex"),
    "header of no kind": ({"name": "x-a"}, "exactly one of exact, prefix and regex"),
    "content type": ({"name": "content-type", "exact": "1"}, "use another header"),
    "header in upper case": ({"name": "X-A", "exact": "1"}, "a header name in lower case"),
    "expression that proxies refuse": (
        {"name": "x-a", "regex": r"(?:\pL{1000}|\pN{1000}|\pS{1000}|\pP{1000})"},
        "proxies refuse all routes with an expression that is too large",
    ),
    "many letters of all scripts": ({"name": "x-a", "regex": r"\p{L}{64}"}, "write [A-Za-z], or a smaller count"),
    "expression that looks ahead": ({"name": "x-a", "regex": "a(?=b)"}, "RE2 cannot"),
}

# What is wrong in spec.rollout.analysis.
INVALID_ANALYSES: dict[str, tuple[Object, str]] = {
    "unknown provider": ({"provider": "Datadog"}, 'supported values: "Prometheus", "Triton", "None"'),
    "hasty interval": ({"interval": "4s"}, "interval must be from 5s to 10m"),
    "rare interval": ({"interval": "11m"}, "interval must be from 5s to 10m"),
    "queries of Triton": (
        {"provider": "Triton", "queries": [{"name": "q", "query": "1", "max": 1}]},
        "queries require provider Prometheus",
    ),
    "query without a limit": ({"queries": [{"name": "q", "query": "1"}]}, "min, max or maxRatioToStable"),
    "query that nothing meets": (
        {"queries": [{"name": "q", "query": "1", "min": 2, "max": 1}]},
        "min must not be greater than",
    ),
    "query and a business metric in one": (
        {"queries": [{"name": "q", "query": "1", "max": 1, "bad": "a", "total": "b"}]},
        "must set either query, or both bad and total",
    ),
    "bad outcomes of nothing": (
        {"queries": [{"name": "q", "bad": "a"}]},
        "must set either query, or both bad and total",
    ),
    "business metric with a limit": (
        {"queries": [{"name": "q", "bad": "a", "total": "b", "max": 1}]},
        "compared with stable's by the judge",
    ),
    "business metric with a name of Nereid's": (
        {"queries": [{"name": "errors", "bad": "a", "total": "b"}]},
        "choose another name",
    ),
    "no burst": ({"judge": {"burst": 0}}, "greater than or equal to 1"),
    "query twice": ({"queries": [{"name": "q", "query": "1", "max": 1}] * 2}, "Duplicate value"),
    "slow requests of Triton": (
        {"provider": "Triton", "latencyObjectiveMilliseconds": 100},
        "latencyObjectiveMilliseconds requires provider Prometheus",
    ),
    "slow without an objective": ({"guard": {"maxSlowPercent": 5}}, "requires latencyObjectiveMilliseconds"),
    "guard that allows all": ({"guard": {"maxErrorPercent": 100}}, "less than or equal to 99"),
    "tolerated beyond the default": ({"judge": {"tolerated": 3}}, "must be below against (default 3)"),
    "against below the default": ({"judge": {"against": 1.2}}, "must be below against (default 3)"),
}

# What is wrong in one of the checks.
INVALID_CHECKS: dict[str, tuple[Object, str]] = {
    "check of no kind": ({"dataset": DATASET}, "exactly one of requests, accuracy, latency and comparison"),
    "check of two kinds": (
        {"dataset": DATASET, "accuracy": ACCURACY, "latency": {"maximumMilliseconds": 9}},
        "exactly one of requests, accuracy, latency and comparison",
    ),
    "accuracy without data": ({"accuracy": ACCURACY}, "accuracy, latency and comparison require dataset"),
    "requests with data": ({"requests": REQUESTS, "dataset": DATASET}, "they contain their own inputs"),
    "data set without a place": (
        {"dataset": {"inputs": INPUTS}, "accuracy": ACCURACY},
        "exactly one of uri and configMap",
    ),
    "data set in two places": (
        {"dataset": {**DATASET, "configMap": {"name": "a", "key": "b"}}, "accuracy": ACCURACY},
        "exactly one of uri and configMap",
    ),
    "data set without encryption": (
        {"dataset": {**DATASET, "uri": "http://files.example.com/d.csv"}, "accuracy": ACCURACY},
        "must be one of pvc://CLAIM/PATH",
    ),
    "address of a URL": (
        {"dataset": {**BY_URL, "endpoint": "https://files.example.com"}, "accuracy": ACCURACY},
        "endpoint applies only to s3, gs, azure, hf, models and runs",
    ),
    "path within a URL": (
        {"dataset": {**BY_URL, "path": "d.csv"}, "accuracy": ACCURACY},
        "an https:// URI is a single file",
    ),
    "credentials of a ConfigMap": (
        {"dataset": {**IN_CONFIG_MAP, "credentials": {"secretName": "reader"}}, "accuracy": ACCURACY},
        "remove them for pvc:// and configMap",
    ),
    "no ConfigMap's name": (
        {"dataset": {"configMap": {"name": "Data", "key": "b"}, "inputs": INPUTS}, "accuracy": ACCURACY},
        "must be a valid object name",
    ),
    "authority of a claim": (
        {"dataset": {**DATASET, "caBundle": {"name": "a", "key": "b"}}, "accuracy": ACCURACY},
        "remove them for pvc:// and configMap",
    ),
    "distance of classes": (
        {"dataset": DATASET, "comparison": {"output": "y", "kind": "Classes", "maxDistance": 0.1}},
        "maxDistance is valid only with kind Scores",
    ),
    "agreement of scores": (
        {"dataset": DATASET, "comparison": {"output": "y", "kind": "Scores", "minAgreementPercent": 90}},
        "minAgreementPercent is valid only with kinds Classes and Values",
    ),
    "tolerance of scores": (
        {"dataset": DATASET, "comparison": {"output": "y", "kind": "Scores", "relativeTolerance": 0.1}},
        "are valid only with kind Values",
    ),
}

# What tests of their own are about.
ALONE = {
    "at most 50 characters",
    "must be a valid DNS label",
    "must not contain any of traffic.hosts",
    "smoke is the built-in check's name",
}

Attempt = Callable[..., Object]


@pytest.fixture
def attempt(kubernetes: Kubernetes) -> Attempt:
    """Return a function that has a ModelDeployment validated and keeps nothing."""

    def create(spec: Object, name: str = "digits") -> Object:
        path = kubernetes.path("ModelDeployment", "default")
        body = {
            "apiVersion": "nereid.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name},
            "spec": spec,
        }
        return kubernetes.create(f"{path}?dryRun=All&fieldValidation=Strict", body)

    return create


@pytest.mark.parametrize("case", VALID)
def test_valid(attempt: Attempt, case: str) -> None:
    assert attempt(VALID[case])["spec"] == VALID[case]


def assert_rejected(attempt: Attempt, spec: Object, sentence: str) -> None:
    with pytest.raises(RequestFailedError) as failure:
        attempt(spec)
    assert failure.value.status == 422
    assert sentence in failure.value.message


@pytest.mark.parametrize("case", INVALID)
def test_invalid(attempt: Attempt, case: str) -> None:
    spec, sentence = INVALID[case]
    assert_rejected(attempt, spec, sentence)


@pytest.mark.parametrize("case", INVALID_ROLLOUTS)
def test_invalid_rollout(attempt: Attempt, case: str) -> None:
    rollout, sentence = INVALID_ROLLOUTS[case]
    assert_rejected(attempt, {"model": CLAIM, "rollout": rollout}, sentence)


@pytest.mark.parametrize("case", INVALID_SCALINGS)
def test_invalid_scaling(attempt: Attempt, case: str) -> None:
    scaling, sentence = INVALID_SCALINGS[case]
    assert_rejected(attempt, {"model": CLAIM, "scaling": scaling}, sentence)


@pytest.mark.parametrize("case", INVALID_METRICS)
def test_invalid_metric(attempt: Attempt, case: str) -> None:
    metric, sentence = INVALID_METRICS[case]
    assert_rejected(attempt, {"model": CLAIM, "scaling": {"maxReplicas": 3, "metrics": [metric]}}, sentence)


def test_check_whose_name_is_no_label(attempt: Attempt) -> None:
    items = [{"name": "Known answers", "requests": REQUESTS}]
    assert_rejected(attempt, {"model": CLAIM, "rollout": {"checks": {"items": items}}}, "must be a valid DNS label")


def test_check_with_the_name_of_the_built_in_one(attempt: Attempt) -> None:
    checks = {"smoke": True, "items": [{"name": "smoke", "requests": REQUESTS}]}
    assert_rejected(attempt, {"model": CLAIM, "rollout": {"checks": checks}}, "smoke is the built-in check's name")


def test_preview_host_that_is_the_host(attempt: Attempt) -> None:
    rollout = {"strategy": "BlueGreen", "blueGreen": {"previewHosts": HOSTS["hosts"]}}
    spec = {"model": CLAIM, "traffic": HOSTS, "rollout": rollout}
    assert_rejected(attempt, spec, "previewHosts must not contain any of traffic.hosts")


@pytest.mark.parametrize("case", INVALID_HEADERS)
def test_invalid_header(attempt: Attempt, case: str) -> None:
    header, sentence = INVALID_HEADERS[case]
    rollout = {"strategy": "ABTest", "abTest": {"headers": [header]}}
    assert_rejected(attempt, {"model": CLAIM, "rollout": rollout}, sentence)


@pytest.mark.parametrize("case", INVALID_ANALYSES)
def test_invalid_analysis(attempt: Attempt, case: str) -> None:
    analysis, sentence = INVALID_ANALYSES[case]
    assert_rejected(attempt, {"model": CLAIM, "rollout": {"analysis": analysis}}, sentence)


@pytest.mark.parametrize("case", INVALID_CHECKS)
def test_invalid_check(attempt: Attempt, case: str) -> None:
    check, sentence = INVALID_CHECKS[case]
    rollout = {"checks": {"items": [{"name": "check", **check}]}}
    assert_rejected(attempt, {"model": CLAIM, "rollout": rollout}, sentence)


def test_every_rule_has_a_case() -> None:
    groups = (
        *(INVALID, INVALID_ROLLOUTS, INVALID_SCALINGS, INVALID_METRICS),
        *(INVALID_HEADERS, INVALID_ANALYSES, INVALID_CHECKS),
    )
    sentences = {sentence for group in groups for _, sentence in group.values()} | ALONE
    messages = {rule["message"] for rule in rules_of(yaml.safe_load(CRD.read_text()))}
    assert {message for message in messages if not any(one in message for one in sentences)} == set()


def rules_of(schema: Any) -> Iterator[dict[str, str]]:
    """Yield the CEL rules anywhere in a schema."""
    if isinstance(schema, dict):
        yield from schema.get("x-kubernetes-validations", ())
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for one in inner:
        yield from rules_of(one)


@pytest.mark.parametrize("name", ["a" * 51, "1digits", "digits.eu"])
def test_name_that_does_not_fit_its_children(attempt: Attempt, name: str) -> None:
    with pytest.raises(RequestFailedError, match="at most 50 characters"):
        attempt({"model": CLAIM}, name)


def test_misspelt_field(attempt: Attempt) -> None:
    with pytest.raises(RequestFailedError, match="unknown field"):
        attempt({"model": {**CLAIM, "formatt": "onnx"}})


def test_scale_subresource_writes_the_wanted_replicas(kubernetes: Kubernetes, namespace: str) -> None:
    path = kubernetes.path("ModelDeployment", namespace)
    body = {"apiVersion": "nereid.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "digits"}}
    kubernetes.create(path, {**body, "spec": {"model": CLAIM}})
    kubernetes.patch("ModelDeployment", namespace, "digits", {"spec": {"replicas": 3}}, "scale")
    assert kubernetes.get("ModelDeployment", namespace, "digits")["spec"]["scaling"] == {"replicas": 3}
