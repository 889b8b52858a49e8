"""ModelDeployments as the API server gives them, one for each state that a rollout can be in."""

from typing import Any

Document = dict[str, Any]

OLD: Document = {"revision": "x7k2m9qd", "version": "7-x7k2m9qd", "modelUri": "pvc://models/digits/7.onnx"}
NEW: Document = {"revision": "bbc4zt2p", "version": "8-bbc4zt2p", "modelUri": "pvc://models/digits/8.onnx"}
OLDER: Document = {"revision": "w2w2w2w2", "version": "6-w2w2w2w2", "modelUri": "pvc://models/digits/6.onnx"}
STEPS = [{"weight": 10, "hold": "5m"}, {"weight": 50, "hold": "10m"}]
HISTORY = [
    {**OLD, "servedFrom": "2026-11-19T08:00:00Z"},
    {**OLDER, "servedFrom": "2026-11-01T08:00:00Z", "servedUntil": "2026-11-19T08:00:00Z"},
]
GOOD_CONDITIONS = [
    ("Available", "True", "ReplicasAvailable", "Revision x7k2m9qd serves"),
    ("SpecValid", "True", "Valid", "The spec is valid"),
]


def document(
    spec: Document | None = None,
    annotations: dict[str, str] | None = None,
    traffic: Document | None = None,
    **status: Any,
) -> Document:
    return {
        "apiVersion": "nereid.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {
            "name": "digits",
            "namespace": "models",
            "generation": 3,
            "uid": "1f7c",
            "annotations": annotations or {},
        },
        "spec": {
            "model": {"uri": NEW["modelUri"], "version": "8"},
            "rollout": {"steps": STEPS, **(spec or {})},
            **({"traffic": traffic} if traffic else {}),
        },
        "status": {"observedGeneration": 3, "url": "http://digits.example.com", "history": HISTORY, **status},
    }


def stable(weight: int = 100, ready: int = 2, of: Document | None = None) -> Document:
    return {**(of or OLD), "weight": weight, "replicas": 2, "readyReplicas": ready}


def candidate(weight: int = 0, ready: int = 1, of: Document | None = None) -> Document:
    return {**(of or NEW), "weight": weight, "replicas": 1, "readyReplicas": ready}


def rollout(state: str, reason: str, message: str, **fields: Any) -> Document:
    return {
        "state": state,
        "strategy": "Canary",
        "step": 0,
        "since": "2026-11-20T11:58:48Z",
        "attempt": 1,
        "reason": reason,
        "message": message,
        "retiring": [],
        "rollbacks": 0,
        **fields,
    }


def conditions(*found: tuple[str, str, str, str]) -> list[Document]:
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": "2026-11-20T11:58:00Z",
            "observedGeneration": 3,
        }
        for kind, status, reason, message in found
    ]


def rate(requests: int, bad: int, *interval: float) -> Document:
    return {"requests": requests, "bad": bad, **dict(zip(("percent", "low", "high"), interval, strict=False))}


def metric(
    name: str, candidate: Document, stable: Document, failing: float, passing: float, more: int | None = None
) -> Document:
    return {
        "name": name,
        "candidate": candidate,
        "stable": stable,
        "failing": {"reached": failing, "needed": 200},
        "passing": {"reached": passing, "needed": 33, **({"moreRequests": more} if more else {})},
        "evidence": {},
    }


ERRORS = metric("errors", rate(812, 3, 0.37, 0.13, 1.08), rate(7204, 29, 0.4, 0.28, 0.58), 0.04, 3.2, 472)
REJECTIONS = metric("rejections", rate(812, 0, 0.0, 0.0, 0.47), rate(7204, 1, 0.01, 0.0, 0.08), 1.0, 41.0)
ORDERS = {
    **metric("orders", rate(812, 203, 25.0, 22.2, 28.1), rate(7204, 2161, 30.0, 29.0, 31.1), 0.004, 950.0),
    "comparison": "Better",
    "better": {"reached": 41.0, "needed": 33},
    "worse": {"reached": 0.01, "needed": 300},
}
ANALYSIS: Document = {
    "sampledAt": "2026-11-20T11:59:40Z",
    "lookedAt": "2026-11-20T11:59:45Z",
    "verdict": "Continue",
    "message": "errors: evidence 3.2 of 33 to 1, about 472 more requests to the candidate",
    "metrics": [ERRORS, REJECTIONS],
}
CHAMPION = "models:/digits@champion"
NO_ALIAS = "cannot be resolved: there is no alias champion; the next attempt is at 2026-11-20T12:00:40Z"
CANARY: Document = {"stable": stable(90), "candidate": candidate(10), "phase": "Progressing"}
NO_ANSWER = "http://prometheus:9090 did not answer within 10 s"
NO_METRICS = f"The metrics provider failed 4 times in a row: {NO_ANSWER}"
LACKING = "errors: evidence 3.2 of 33 to 1, about 472 more requests to the candidate"
HELD = f"Candidate bbc4zt2p gets 10% of the traffic, step 1 of 2. {LACKING}"
OFF = (
    "The mesh does not do what the route of candidate bbc4zt2p says: it got 0 of 400 requests, 0.0%, at a weight of 10%"
)
LATE = "Candidate bbc4zt2p gets 100% of the traffic, and 1 of the 2 pods that it needs are ready"
ASKED = "No route has led to revision x7k2m9qd since 2026-11-20 11:40:00 UTC, and it still gets requests: its pods stay"
DISAGREE = "the counts disagree: callers report 900 requests to revision bbc4zt2p, and its own pods have counted 40"


FAILURE: Document = {
    "revision": NEW["revision"],
    "attempt": 1,
    "reason": "AnalysisFailed",
    "message": "more errors than stable: 30.0% of 240 requests beside 0.4% of 7204 requests",
    "at": "2026-11-20T11:57:00Z",
}


def failed(reason: str, message: str, *found: tuple[str, str, str, str], **fields: Any) -> Document:
    sentence = f"Revision bbc4zt2p was rolled back, stable revision x7k2m9qd serves: {message}"
    faults = (("Ready", "False", reason, sentence), ("RolloutPassed", "False", reason, message), *found)
    return document(
        phase="Degraded",
        stable=stable(),
        rollout=rollout("Failed", reason, sentence, failed={**FAILURE, "reason": reason, "message": message}, **fields),
        conditions=conditions(*faults, *GOOD_CONDITIONS),
    )


FIRST = document(
    phase="Pending",
    history=[],
    candidate=candidate(100, ready=0),
    rollout=rollout("Preparing", "StartingPods", "The first revision, bbc4zt2p, is starting its pods", step=2),
    conditions=conditions(
        ("Ready", "False", "FirstRevisionPending", "The first revision, bbc4zt2p, is starting its pods"),
        ("Available", "False", "FirstRevisionPending", "The first revision has no ready pod yet"),
    ),
)
BROKEN = "each of 2 requests made from its metadata: the candidate answers 500: the model lost all of its weights"
NOT_ROUTED = f"First revision bbc4zt2p gets no traffic: smoke: {BROKEN}. Change the spec, or try again"
ANALYZING = document(
    {"analysis": {"provider": "Prometheus"}},
    **CANARY,
    rollout=rollout("Analyzing", "CollectingEvidence", HELD, analysis=ANALYSIS, nextLook="2026-11-20T12:00:15Z"),
    conditions=conditions(("Ready", "False", "RolloutInProgress", HELD), *GOOD_CONDITIONS),
)
BAD_ERRORS = metric("errors", rate(240, 72, 30.0, 24.5, 36.1), rate(7204, 29, 0.4, 0.28, 0.58), 5e12, 0.0)
STATES: dict[str, Document] = {
    "unseen": {**document(), "status": {}},
    "first-revision-pending": FIRST,
    "first-revision-checking": document(
        phase="Pending",
        history=[],
        candidate=candidate(0),
        rollout=rollout(
            "Preparing",
            "RunningChecks",
            "The first revision, bbc4zt2p, is being checked before any traffic",
            step=2,
            nextLook="2026-11-20T12:01:48Z",
        ),
    ),
    "first-revision-failed": document(
        phase="Failed",
        history=[],
        candidate=candidate(0),
        rollout=rollout(
            "Failed",
            "CheckFailed",
            NOT_ROUTED,
            step=2,
            checks={"step": 2, "results": [{"name": "smoke", "passed": False, "message": BROKEN}]},
            failed={**FAILURE, "reason": "CheckFailed", "message": f"smoke: {BROKEN}"},
        ),
        conditions=conditions(("Ready", "False", "CheckFailed", NOT_ROUTED)),
    ),
    "checks-running": document(
        phase="Progressing",
        stable=stable(),
        candidate=candidate(),
        rollout=rollout(
            "Preparing", "RunningChecks", "The checks of candidate bbc4zt2p run", nextLook="2026-11-20T12:08:48Z"
        ),
    ),
    "propagating": document(
        **CANARY,
        rollout=rollout(
            "Propagating",
            "RouteChanged",
            "Waiting for the proxies to receive the route",
            nextLook="2026-11-20T12:00:06Z",
        ),
    ),
    "analyzing": ANALYZING,
    "analyzing-while-the-route-has-no-effect": document(
        **CANARY,
        rollout=rollout(
            "Analyzing",
            "CollectingEvidence",
            f"Candidate bbc4zt2p gets 10% of the traffic: {OFF}",
            analysis={**ANALYSIS, "route": {"weight": 10, "candidate": 0, "requests": 400, "effective": False}},
        ),
        conditions=conditions(("RouteNotEffective", "True", "ShareIsOff", OFF), *GOOD_CONDITIONS),
    ),
    "analyzing-while-counts-disagree": document(
        **CANARY,
        rollout=rollout(
            "Analyzing",
            "CollectingEvidence",
            "Candidate bbc4zt2p gets 10% of the traffic, step 1 of 2",
            analysis={**ANALYSIS, "errors": 2, "error": DISAGREE, "errorReason": "CountsDisagree"},
        ),
        conditions=conditions(("CountsDisagree", "True", "CountsDisagree", DISAGREE), *GOOD_CONDITIONS),
    ),
    "analyzing-after-hold": document(
        **CANARY,
        rollout=rollout("Analyzing", "CollectingEvidence", HELD, analysis=ANALYSIS, since="2026-11-20T11:50:00Z"),
    ),
    "analyzing-with-queries-and-checks": document(
        **CANARY,
        rollout=rollout(
            "Analyzing",
            "CollectingEvidence",
            HELD,
            checks={
                "step": 0,
                "results": [
                    {"name": "golden", "passed": True, "message": "12 of 12 answers are as expected"},
                    {"name": "accuracy", "passed": True, "message": "96.4% of 1000 labels are right, at least 95%"},
                ],
            },
            analysis={
                **ANALYSIS,
                "queries": [
                    {"name": "queue-p99", "value": 0.0123, "stableValue": 0.0119, "passed": True, "failures": 0},
                    {"name": "drift", "value": 0.42, "passed": False, "failures": 2},
                    {"name": "gpu", "failures": 0},
                ],
                "tritonCandidate": rate(811, 3, 0.37, 0.13, 1.08),
                "tritonStable": rate(7190, 29, 0.4, 0.28, 0.58),
            },
        ),
    ),
    "holding-without-analysis": document(
        {"analysis": {"provider": "None"}},
        **CANARY,
        rollout=rollout(
            "Holding", "HoldingWeight", "Candidate bbc4zt2p is held at 10%", nextLook="2026-11-20T12:03:48Z"
        ),
    ),
    "outside-window": document(
        {"windows": [{"from": "14:00", "to": "16:00"}]},
        **{**CANARY, "phase": "Paused"},
        rollout=rollout(
            "Preparing",
            "OutsideWindow",
            "Candidate bbc4zt2p gets 10% of the traffic and waits for a window of spec.rollout.windows before "
            "step 2 of 2: the next one opens at 2026-11-20T14:00:00Z",
            step=1,
            nextLook="2026-11-20T14:00:00Z",
        ),
    ),
    "paused-at-gate": document(
        {"steps": [{"mirror": 100, "hold": "5m"}, {"weight": 10}, {"weight": 50, "hold": "10m"}]},
        stable=stable(90),
        candidate=candidate(10),
        phase="Paused",
        rollout=rollout(
            "Paused",
            "AwaitingPromotion",
            "Candidate bbc4zt2p gets 10% of the traffic and waits for a promotion. To the next step: "
            "kubectl annotate mdep digits --overwrite nereid.dev/promote=bbc4zt2p/1/1. "
            "To the end: the same with bbc4zt2p",
            step=1,
        ),
    ),
    "paused-for-promotion": document(
        {"steps": [{"weight": 10, "hold": "5m"}, {"weight": 50}]},
        stable=stable(50),
        candidate=candidate(50),
        phase="Paused",
        rollout=rollout(
            "Paused",
            "AwaitingPromotion",
            "Candidate bbc4zt2p gets 50% of the traffic and waits for a promotion: "
            "kubectl annotate mdep digits --overwrite nereid.dev/promote=bbc4zt2p",
            step=1,
        ),
    ),
    "paused-by-spec": document(
        {"paused": True},
        **{**CANARY, "phase": "Paused"},
        rollout=rollout(
            "Paused",
            "PausedBySpec",
            "Candidate bbc4zt2p gets 10% of the traffic and waits: spec.rollout.paused is true",
        ),
    ),
    "held-by-spec": document(
        **{**CANARY, "phase": "Paused"},
        rollout=rollout(
            "Paused",
            "HeldBySpec",
            "Candidate bbc4zt2p gets 10% of the traffic and waits until it is known what the spec asks for",
        ),
        conditions=conditions(
            ("Ready", "False", "InvalidSpec", "spec.model.config: maxBatchSizes is not a field of Triton's"),
            ("SpecValid", "False", "InvalidSpec", "spec.model.config: maxBatchSizes is not a field of Triton's"),
        ),
    ),
    "paused-inconclusive": document(
        **{**CANARY, "phase": "Paused"},
        rollout=rollout(
            "Paused",
            "Inconclusive",
            f"Candidate bbc4zt2p gets 10% of the traffic and waits, as the evidence is undecided. {LACKING}",
            analysis=ANALYSIS,
        ),
    ),
    "paused-metrics-unavailable": document(
        **{**CANARY, "phase": "Paused"},
        rollout=rollout(
            "Paused",
            "MetricsUnavailable",
            f"Candidate bbc4zt2p gets 10% of the traffic and waits until metrics are available again. {NO_METRICS}",
            analysis={**ANALYSIS, "errors": 4, "error": NO_ANSWER, "message": NO_METRICS},
        ),
    ),
    "rolling-back": document(
        phase="Progressing",
        stable=stable(),
        rollout=rollout(
            "RollingBack",
            "AnalysisFailed",
            "All traffic returns to stable revision x7k2m9qd",
            nextLook="2026-11-20T12:00:07Z",
            failed=FAILURE,
            retiring=[{"revision": NEW["revision"], "since": "2026-11-20T11:59:57Z", "replicas": 1}],
        ),
    ),
    "rolling-back-as-stable-can-carry": document(
        phase="Progressing",
        stable=stable(70, ready=1),
        candidate=candidate(30),
        rollout=rollout(
            "RollingBack",
            "Aborted",
            "Stable revision x7k2m9qd has too few pods for all traffic",
            nextLook="2026-11-20T12:08:48Z",
            failed={**FAILURE, "reason": "Aborted", "message": "aborted by annotation nereid.dev/abort"},
        ),
    ),
    "failed-analysis": failed(
        "AnalysisFailed",
        FAILURE["message"],
        analysis={
            **ANALYSIS,
            "verdict": "Fail",
            "message": "",
            "metrics": [BAD_ERRORS],
        },
    ),
    "failed-guard": failed(
        "GuardExceeded",
        "at least 24.5% of requests failed, 10% is the ceiling",
        retiring=[
            {
                "revision": NEW["revision"],
                "since": "2026-11-20T11:57:00Z",
                "replicas": 1,
                "logKeptFrom": "2026-11-20T11:57:00Z",
                "drained": True,
            }
        ],
    ),
    "failed-query": failed("QueryFailed", "query drift was 0.42, at most 0.3 is allowed, 3 times in a row"),
    "failed-check": failed(
        "CheckFailed",
        "check accuracy: 71.2% of 1000 labels are right, at least 95% are wanted",
        checks={
            "step": 0,
            "results": [
                {"name": "golden", "passed": True, "message": "12 of 12 answers are as expected"},
                {"name": "accuracy", "passed": False, "message": "71.2% of 1000 labels are right, at least 95%"},
            ],
        },
    ),
    "failed-checks-not-run": failed("ChecksNotRun", "the Job of the checks did not end within 10m"),
    "failed-no-ready-replica": failed("NoReadyReplica", "none of its pods is ready any more"),
    "failed-deadline": failed("ProgressDeadlineExceeded", "0 of 1 pods were ready in time"),
    "failed-inconclusive": failed("Inconclusive", "the evidence was undecided at the deadline"),
    "aborted": failed("Aborted", "aborted by annotation nereid.dev/abort"),
    "blue-green-preview": document(
        {"strategy": "BlueGreen", "steps": None, "blueGreen": {"previewHosts": ["next.digits.example.com"]}},
        traffic={"hosts": ["digits.example.com"], "gateways": ["istio-ingress/public"]},
        stable=stable(),
        candidate=candidate(),
        phase="Paused",
        rollout=rollout(
            "Paused", "AwaitingPromotion", "Candidate bbc4zt2p is previewed", strategy="BlueGreen", preview=True
        ),
    ),
    "blue-green-kept": document(
        {"strategy": "BlueGreen", "steps": None, "blueGreen": {"previewHold": "10m", "keep": "5m"}},
        stable=stable(0),
        candidate=candidate(100),
        phase="Progressing",
        rollout=rollout(
            "Baking",
            "Baking",
            "Candidate bbc4zt2p has all traffic; x7k2m9qd is kept",
            strategy="BlueGreen",
            step=1,
            nextLook="2026-11-20T12:03:48Z",
            analysis={
                **ANALYSIS,
                "message": "There is no concurrent control to compare with: the guard, queries and checks decide",
                "metrics": [{**ERRORS, "stable": rate(0, 0)}],
            },
        ),
    ),
    "ab-test": document(
        {
            "strategy": "ABTest",
            "steps": None,
            "abTest": {
                "headers": [{"name": "x-beta", "exact": "yes"}],
                "cookie": {"name": "beta", "value": "1"},
                "hold": "1h",
            },
        },
        stable=stable(),
        candidate=candidate(),
        phase="Progressing",
        rollout=rollout(
            "Analyzing",
            "CollectingEvidence",
            "Candidate bbc4zt2p gets the requests that match",
            strategy="ABTest",
            matched=True,
        ),
    ),
    "ab-test-better": document(
        {"strategy": "ABTest", "steps": None, "abTest": {"cookie": {"name": "beta", "value": "1"}, "hold": "1h"}},
        stable=stable(),
        candidate=candidate(),
        phase="Progressing",
        rollout=rollout(
            "Analyzing",
            "CollectingEvidence",
            "Candidate bbc4zt2p gets the requests that match",
            strategy="ABTest",
            matched=True,
            analysis={
                **ANALYSIS,
                "verdict": "Pass",
                "message": "The test is decided by orders",
                "metrics": [{**ERRORS, "stable": rate(0, 0)}, ORDERS],
            },
        ),
    ),
    "shadow": document(
        {"strategy": "Shadow", "steps": [{"weight": 20, "hold": "5m"}, {"weight": 100}]},
        stable=stable(),
        candidate=candidate(),
        phase="Progressing",
        rollout=rollout(
            "Analyzing",
            "CollectingEvidence",
            "Candidate bbc4zt2p gets a copy of 20%",
            strategy="Shadow",
            mirror=20,
            analysis=ANALYSIS,
        ),
    ),
    "promoting": document(
        **{**CANARY, "stable": stable(0), "candidate": candidate(100)},
        rollout=rollout(
            "Promoting",
            "RouteChanged",
            "Waiting for the proxies to receive the route",
            step=2,
            nextLook="2026-11-20T12:00:06Z",
        ),
    ),
    "baking": document(
        **{**CANARY, "stable": stable(0), "candidate": candidate(100)},
        rollout=rollout(
            "Baking",
            "Baking",
            "Candidate bbc4zt2p gets 100% of the traffic",
            step=2,
            nextLook="2026-11-20T12:03:48Z",
        ),
    ),
    "promoting-without-all-pods": document(
        **{**CANARY, "stable": stable(0), "candidate": {**candidate(100), "replicas": 2}},
        rollout=rollout("Promoting", "RouteChanged", LATE, step=2, nextLook="2026-11-20T12:08:58Z"),
        conditions=conditions(("Ready", "False", "CandidateLacksPods", LATE), *GOOD_CONDITIONS),
    ),
    "rollback-under-way": document(
        phase="Progressing",
        stable=stable(),
        candidate=candidate(0, ready=0, of=OLDER),
        rollout=rollout(
            "Preparing",
            "StartingPods",
            "Candidate w2w2w2w2 is starting its pods",
            fastTrack=True,
            rollbacks=1,
            pinned={"revision": OLDER["revision"], "insteadOf": OLD["revision"]},
            nextLook="2026-11-20T12:08:48Z",
        ),
    ),
    "pinned": document(
        phase="Ready",
        stable=stable(of=OLDER),
        history=[{**OLDER, "servedFrom": "2026-11-20T11:58:48Z"}, {**OLD, "servedUntil": "2026-11-20T11:58:48Z"}],
        rollout=rollout(
            "Completed",
            "Promoted",
            "Revision w2w2w2w2 is stable and gets all traffic",
            rollbacks=1,
            pinned={"revision": OLDER["revision"], "insteadOf": OLD["revision"]},
        ),
    ),
    "completed": document(
        phase="Ready",
        stable=stable(of=NEW),
        history=[{**NEW, "servedFrom": "2026-11-20T11:58:48Z"}, *HISTORY],
        rollout=rollout(
            "Completed",
            "Promoted",
            "Revision bbc4zt2p is stable and gets all traffic",
            retiring=[{"revision": OLD["revision"], "since": "2026-11-20T11:59:20Z", "replicas": 2}],
        ),
        conditions=conditions(("Ready", "True", "Serving", "Revision bbc4zt2p serves with all its pods")),
    ),
    "completed-and-the-old-one-is-still-asked": document(
        phase="Ready",
        stable=stable(of=NEW),
        rollout=rollout(
            "Completed",
            "Promoted",
            "Revision bbc4zt2p is stable and gets all traffic",
            retiring=[{"revision": OLD["revision"], "since": "2026-11-20T11:40:00Z", "replicas": 2}],
        ),
        conditions=conditions(("RouteNotEffective", "True", "RequestsWithoutRoute", ASKED), *GOOD_CONDITIONS),
    ),
    "autoscaled": document(
        phase="Ready",
        stable={**stable(of=NEW, ready=3), "replicas": 3},
        rollout=rollout("Completed", "Promoted", "Revision bbc4zt2p is stable and gets all traffic"),
        links={
            "kiali": "https://kiali.example.com/kiali/console/namespaces/models/services/digits",
            "grafana": "https://grafana.example.com/d/nereid-model?var-namespace=models&var-name=digits",
        },
        conditions=conditions(
            ("Ready", "True", "Serving", "Revision bbc4zt2p serves with all its pods"),
            ("Scaling", "True", "ScalerActive", "The number of pods follows QueueRatio 0.5, up to 8"),
        ),
    ),
    "scaler-failing": document(
        phase="Ready",
        stable=stable(of=NEW),
        rollout=rollout("Completed", "Promoted", "Revision bbc4zt2p is stable and gets all traffic"),
        conditions=conditions(
            ("Ready", "True", "Serving", "Revision bbc4zt2p serves with all its pods"),
            (
                "Scaling",
                "False",
                "FailedGetExternalMetric",
                "QueueRatio cannot be read: prometheus answers nothing: existing pods are kept",
            ),
        ),
    ),
    "sleeping": document(
        phase="Sleeping",
        stable={**stable(of=NEW, ready=0), "replicas": 0},
        scaling={"state": "Asleep", "since": "2026-11-20T11:00:00Z"},
        rollout=rollout("Completed", "Promoted", "Revision bbc4zt2p is stable and gets all traffic"),
        conditions=conditions(
            ("Ready", "True", "Sleeping", "Revision bbc4zt2p sleeps"),
            (
                "Scaling",
                "True",
                "Sleeping",
                "Revision bbc4zt2p is asleep: the next request starts its first pod and waits for it",
            ),
        ),
    ),
    "resolving": document(
        phase="Pending",
        history=[],
        url=None,
        resolution={"id": "1", "uri": CHAMPION},
        conditions=conditions(
            ("Ready", "False", "ResolvingModel", f"{CHAMPION} is being resolved"),
            ("SpecValid", "True", "Valid", "The spec is valid"),
            ("ModelResolved", "Unknown", "ResolvingModel", f"{CHAMPION} is being resolved"),
        ),
    ),
    "not-resolved": document(
        phase="Degraded",
        stable=stable(),
        rollout=rollout("Completed", "Promoted", "Revision x7k2m9qd is stable and gets all traffic"),
        resolution={"id": "1", "uri": CHAMPION, "failures": 3, "nextCheck": "2026-11-20T12:00:40Z"},
        conditions=conditions(
            ("Ready", "False", "ModelNotFound", f"{CHAMPION} {NO_ALIAS}"),
            ("ModelResolved", "False", "ModelNotFound", f"{CHAMPION} {NO_ALIAS}"),
            *GOOD_CONDITIONS,
        ),
    ),
    "model-changed": document(
        phase="Ready",
        stable=stable(),
        rollout=rollout("Completed", "Promoted", "Revision x7k2m9qd is stable and gets all traffic"),
        conditions=conditions(
            ("Ready", "True", "Serving", "Revision x7k2m9qd serves with all its pods"),
            ("ModelChanged", "True", "DigestsDiffer", "Pods of revision x7k2m9qd have fetched different models"),
            *GOOD_CONDITIONS,
        ),
    ),
    "invalid-spec": document(
        phase="Degraded",
        stable=stable(),
        rollout=rollout("Completed", "Promoted", "Revision x7k2m9qd is stable and gets all traffic"),
        conditions=conditions(
            ("Ready", "False", "InvalidSpec", "spec.model.uri: Field required"),
            ("SpecValid", "False", "InvalidSpec", "spec.model.uri: Field required"),
        ),
    ),
}
for _found in STATES.values():
    _found["spec"]["rollout"] = {key: value for key, value in _found["spec"]["rollout"].items() if value is not None}
