"""Why a field of an InferenceService has no counterpart, and what does its work instead."""

import re
from collections.abc import Mapping
from typing import Final

_OTHERS: Final = "it has no counterpart in a ModelDeployment"
_UNKNOWN: Final = "KServe's v1beta1 has no such field: check its spelling"
_INDEX: Final = re.compile(r"\[\d+\]")
_PODS: Final = "set spec.runtime.podTemplate if the pods need it"
# By the end of the path; of several the longest counts.
_REASONS: Final[Mapping[str, str]] = {
    "metadata.ownerReferences": "the owner would have to own the ModelDeployment",
    "metadata.generateName": "a ModelDeployment needs a fixed name: its Service is named after it",
    "spec.transformer": (
        "what runs before and after the model is a model of Triton's Python backend, in an ensemble with it, or a "
        "service of your own that calls the ModelDeployment"
    ),
    "spec.explainer": "Nereid has no explainers: let a service of your own call the ModelDeployment",
    "predictor.logger": (
        "Nereid does not record requests and answers: have Istio's proxies or the clients do it, or roll out by "
        "strategy Shadow to send copies to another revision"
    ),
    "predictor.workerSpec": "a model that needs several nodes is not served: Triton's pods are independent",
    "predictor.name": "the names of revisions are hashes of what they run",
    "predictor.deploymentStrategy": "pods are not replaced in place: spec.rollout moves the traffic to a new revision",
    "predictor.storageContainerName": "Nereid fetches by an init container of its own",
    "predictor.hostNetwork": "Istio's sidecar, which rollouts need, does not work in the host's network",
    "batcher.timeout": "spec.traffic.timeout bounds a request as a whole",
    "nodeName": f"use spec.runtime.nodeSelector, or {_PODS}",
    "image": "it is the image of another server: Nereid serves by Triton",
    "runtimeVersion": "it is the version of another server: Nereid serves by Triton",
    "command": "Nereid starts Triton itself: give its arguments in spec.runtime.args",
    "ports": "Triton's ports are 8000 for REST and 8001 for gRPC, behind the Service's",
    "livenessProbe": "Nereid's own probes ask Triton whether it is alive",
    "readinessProbe": "Nereid's own probes ask Triton whether it is ready",
    "startupProbe": "Nereid's own probes give Triton an hour for its first load",
    "lifecycle": "Nereid's own preStop lets requests end first",
    "storage.parameters.region": "add the key AWS_DEFAULT_REGION to the Secret of spec.model.credentials",
    "storage.schemaPath": "Triton takes the model's inputs and outputs from the model or its config.pbtxt",
    "confidential": "Nereid does not fetch encrypted models",
    "resources.claims": f"they are fields of the pods: {_PODS}",
    "[serving.kserve.io/stop]": "a ModelDeployment always serves: apply it when the model is to run",
    "[autoscaling.knative.dev/initial-scale]": "the first pods are spec.scaling.minReplicas",
    "[autoscaling.knative.dev/window]": "set spec.scaling.behavior for the pace of scaling",
    "[autoscaling.knative.dev/scale-down-delay]": "set spec.scaling.behavior for the pace of scaling",
}
# Fields whose effect a ModelDeployment has without a field.
_FULFILLED: Final[Mapping[str, str]] = {
    "modelFormat.version": "the Triton image says which versions of the format's library it loads",
    "storageUris.mountPath": "Nereid itself decides where in the pod the model is",
    "predictor.scaleMetricType": "spec.scaling.metrics have one unit each",
    "[serving.kserve.io/deploymentMode]": "Nereid has one mode, with Deployments, Services and Istio's routes",
    "[serving.kserve.io/enable-prometheus-scraping]": "the chart has Prometheus scrape every model",
    "[serving.kserve.io/enable-metric-aggregation]": "the chart has Prometheus scrape every model",
    "[prometheus.kserve.io/port]": "Triton's metrics are at a port that the chart knows",
    "[prometheus.kserve.io/path]": "Triton's metrics are at a path that the chart knows",
    "[serving.kserve.io/enable-tag-routing]": "each revision has a Service of its own",
}


def reason(path: str, *, is_known: bool) -> tuple[bool, str]:
    """Return whether the field at a path is lost, and a sentence about it."""
    if not is_known:
        return True, _UNKNOWN
    plain = _INDEX.sub("", path)
    if fulfilled := _longest(_FULFILLED, plain):
        return False, fulfilled
    return True, _longest(_REASONS, plain) or _OTHERS


def _longest(sentences: Mapping[str, str], path: str) -> str | None:
    ends = [end for end in sentences if path == end or path.endswith(end if end[0] == "[" else f".{end}")]
    return sentences[max(ends, key=len)] if ends else None
