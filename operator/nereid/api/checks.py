"""`spec.rollout.checks`: what a candidate is asked before it gets traffic.

A Job in the namespace of the ModelDeployment asks the candidate's own Service, and for a comparison stable's as well.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from nereid.api import model_uri
from nereid.api.model import CABundleReference, CredentialsReference, Endpoint, SourcePath, SourceUri
from nereid.api.schema import ApiModel, DnsLabel, Duration, ObjectName, rule, rules

_ANYTHING = {"x-kubernetes-preserve-unknown-fields": True}
Percentage = Annotated[float, Field(ge=0, le=100)]
TensorName = Annotated[str, Field(min_length=1, max_length=253)]
ColumnName = Annotated[str, Field(min_length=1, max_length=253)]
_FETCHED: Final = "(has(self.uri) && !self.uri.startsWith('pvc://'))"
DatasetFormat = Literal["csv", "jsonl", "npz", "parquet"]


class ExpectedOutput(ApiModel):
    """What one output must hold."""

    name: TensorName = Field(description="Name of the output tensor.")
    data: Annotated[
        list[Any],
        Field(min_length=1, max_length=10_000),
        WithJsonSchema({"type": "array", "minItems": 1, "maxItems": 10_000, "items": _ANYTHING}),
    ] = Field(description="Its values in row-major order: numbers, strings or booleans.")
    tolerance: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="How far a number may be off, absolutely. Default: 0, which is exact."
    )


class ExampleRequest(ApiModel):
    """One inference request with the answer that it must get."""

    body: Annotated[dict[str, Any], WithJsonSchema({"type": "object", **_ANYTHING})] = Field(
        description=(
            "The request's body in the Open Inference Protocol, version 2: {inputs: [{name, shape, datatype, data}]}."
        )
    )
    expected: Annotated[list[ExpectedOutput], Field(min_length=1, max_length=32)] = Field(
        description="What its outputs must hold."
    )


class ConfigMapKey(ApiModel):
    """A key of a ConfigMap in the namespace of the ModelDeployment."""

    name: ObjectName = Field(description="Name of the ConfigMap.")
    key: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="Key in the ConfigMap, in data or binaryData."
    )


class DatasetInput(ApiModel):
    """Which columns of a data set are one input tensor."""

    name: TensorName = Field(description="Name of the input tensor.")
    columns: Annotated[list[ColumnName], Field(min_length=1, max_length=10_000)] = Field(
        description=(
            "The columns that make one row of it, in order; a name may end in * for all columns that begin so. A "
            "single column may hold whole vectors."
        )
    )


class DatasetSpec(ApiModel):
    """Inputs for the model, a row for each request."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("has(self.uri) != has(self.configMap)", "name either a uri or a configMap"),
            rule(
                f"{_FETCHED} || "
                "(!has(self.path) && !has(self.endpoint) && !has(self.credentials) && !has(self.caBundle))",
                "path, endpoint, credentials and caBundle are for what is fetched over a network: leave them out for "
                "pvc:// and configMap",
            ),
            rule(
                f"!has(self.endpoint) || !has(self.uri) || {model_uri.HAS_ENDPOINT}",
                "endpoint is for s3, gs, azure, hf, models and runs: other URIs name their server themselves",
            ),
            rule(
                "!has(self.path) || !has(self.uri) || !self.uri.startsWith('https://')",
                "path names a file within a source: an https:// URI is a file itself",
            ),
        )
    )

    uri: SourceUri | None = Field(
        default=None,
        description=(
            "Where the file is, as in spec.model.uri: pvc://CLAIM/PATH is read in its place, everything else is "
            "fetched anew by each Job. What may move is taken as it is then."
        ),
    )
    path: SourcePath | None = Field(
        default=None, description="The file within the source, where that holds more. Default: its only file."
    )
    endpoint: Endpoint | None = Field(
        default=None,
        description=(
            "Address of the source's server where it is not the public one. Default: of models:/ and runs:/ the "
            "operator's tracking server."
        ),
    )
    credentials: CredentialsReference | None = Field(
        default=None,
        description=(
            "How the source knows the reader; as in spec.model. Default: the service account of the model's pods is "
            "all that the Job has."
        ),
    )
    config_map: ConfigMapKey | None = Field(default=None, description="A ConfigMap that holds the file.")
    ca_bundle: CABundleReference | None = Field(
        default=None, description="Certificates by which the source's server is trusted, beside the system's own."
    )
    format: DatasetFormat | None = Field(
        default=None, description="Its format. Default: what the name ends in, .csv, .jsonl, .npz or .parquet."
    )
    inputs: Annotated[list[DatasetInput], Field(min_length=1, max_length=64)] = Field(
        description="The model's input tensors, each with its columns."
    )
    max_rows: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="How many of its rows are used, from the first on. Default: 1000."
    )


class AccuracyCheck(ApiModel):
    """How many of the data set's labels the candidate must get right."""

    label: ColumnName = Field(description="The column with the right answers.")
    output: TensorName = Field(
        description=(
            "The output that is compared with it; of an output with several values a row, the index of the largest."
        )
    )
    minimum_percent: Percentage = Field(description="The least share of right answers, in percent.")


class LatencyCheck(ApiModel):
    """How fast the candidate must answer, one request at a time, after ten that do not count."""

    percentile: Annotated[float, Field(gt=0, le=100)] | None = Field(
        default=None, description="Which percentile of the times. Default: 95."
    )
    maximum_milliseconds: Annotated[int, Field(ge=1, le=3_600_000)] = Field(
        description="The most that it may be, in milliseconds."
    )


class ComparisonCheck(ApiModel):
    """How much the candidate's answers to the data set may differ from stable's."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.kind == 'Scores' || !has(self.maxDistance)",
                "maxDistance is for kind Scores",
            ),
            rule(
                "self.kind != 'Scores' || !has(self.minAgreementPercent)",
                "minAgreementPercent is for kinds Classes and Values; Scores have maxDistance",
            ),
            rule(
                "self.kind == 'Values' || (!has(self.absoluteTolerance) && !has(self.relativeTolerance))",
                "absoluteTolerance and relativeTolerance are for kind Values",
            ),
        )
    )

    output: TensorName = Field(description="The output that is compared.")
    kind: Literal["Classes", "Scores", "Values"] = Field(
        description=(
            "Classes: the same class for each row; of an output with several values a row, the index of the largest. "
            "Scores: the same distribution over all rows, by the Kolmogorov-Smirnov distance, the worst column's. "
            "Values: numbers within a tolerance of each other for each row."
        )
    )
    min_agreement_percent: Percentage | None = Field(
        default=None, description="The least share of rows that agree, in percent (Classes, Values). Default: 95."
    )
    max_distance: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="The largest distance of the distributions, from 0 to 1 (Scores). Default: 0.1."
    )
    absolute_tolerance: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="How far two numbers may be apart (Values). Default: 0."
    )
    relative_tolerance: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="How far apart relative to stable's number (Values). Default: 0.05."
    )


class CheckSpec(ApiModel):
    """One check: exactly one of requests, accuracy, latency and comparison."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "[has(self.requests), has(self.accuracy), has(self.latency), has(self.comparison)]"
                ".filter(given, given).size() == 1",
                "a check is exactly one of requests, accuracy, latency and comparison",
            ),
            rule(
                "has(self.requests) != has(self.dataset)",
                "accuracy, latency and comparison need a dataset; requests bring their own inputs",
            ),
        )
    )

    name: DnsLabel = Field(description="Its name in status and events.")
    when: Literal["BeforeTraffic", "EachStep"] | None = Field(
        default=None,
        description=(
            "BeforeTraffic: once, before the first weight. EachStep: also before each later weight. "
            "Default: BeforeTraffic."
        ),
    )
    dataset: DatasetSpec | None = Field(default=None, description="The inputs of accuracy, latency and comparison.")
    requests: Annotated[list[ExampleRequest], Field(min_length=1, max_length=32)] | None = Field(
        default=None, description="Requests whose answers are known."
    )
    accuracy: AccuracyCheck | None = Field(default=None, description="A least share of right answers.")
    latency: LatencyCheck | None = Field(default=None, description="A latency budget.")
    comparison: ComparisonCheck | None = Field(
        default=None, description="The answers are compared with stable's to the same inputs."
    )


class ChecksSpec(ApiModel):
    """Checks of a candidate, and the Job that runs them."""

    items: Annotated[
        list[CheckSpec],
        Field(
            min_length=1,
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = Field(description="The checks; all of them must pass.")
    timeout: Duration | None = Field(default=None, description="How long all of them may take. Default: 10m.")
