"""`spec.rollout.checks`: what a candidate must pass before it gets traffic.

A Job in the namespace of the ModelDeployment sends requests to the candidate's own Service, and for a comparison to
stable's as well.
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
# The name of the built-in check in status and events.
SMOKE_CHECK: Final = "smoke"
DatasetFormat = Literal["csv", "jsonl", "npz", "parquet"]


class ExpectedOutput(ApiModel):
    """Expected values of one output."""

    name: TensorName = Field(description="Name of the output tensor.")
    data: Annotated[
        list[Any],
        Field(min_length=1, max_length=10_000),
        WithJsonSchema({"type": "array", "minItems": 1, "maxItems": 10_000, "items": _ANYTHING}),
    ] = Field(description="Expected values in row-major order: numbers, strings or booleans.")
    tolerance: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="Maximum absolute difference of a number. Default: 0, which is exact."
    )


class ExampleRequest(ApiModel):
    """One inference request with its expected answer."""

    body: Annotated[dict[str, Any], WithJsonSchema({"type": "object", **_ANYTHING})] = Field(
        description=(
            "The request's body in the Open Inference Protocol, version 2: {inputs: [{name, shape, datatype, data}]}."
        )
    )
    expected: Annotated[list[ExpectedOutput], Field(min_length=1, max_length=32)] = Field(
        description="Expected outputs."
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
            "The columns that form one row of it, in order; a name that ends in * selects all columns with that "
            "prefix. A single column may contain whole vectors."
        )
    )


class DatasetSpec(ApiModel):
    """Inputs for the model, one row per request."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("has(self.uri) != has(self.configMap)", "set exactly one of uri and configMap"),
            rule(
                f"{_FETCHED} || "
                "(!has(self.path) && !has(self.endpoint) && !has(self.credentials) && !has(self.caBundle))",
                "path, endpoint, credentials and caBundle apply only to sources that are fetched over a network: "
                "remove them for pvc:// and configMap",
            ),
            rule(
                f"!has(self.endpoint) || !has(self.uri) || {model_uri.HAS_ENDPOINT}",
                "endpoint applies only to s3, gs, azure, hf, models and runs: remove it, as other URIs contain their "
                "server",
            ),
            rule(
                "!has(self.path) || !has(self.uri) || !self.uri.startsWith('https://')",
                "path names a file within a source, and an https:// URI is a single file: remove path",
            ),
        )
    )

    uri: SourceUri | None = Field(
        default=None,
        description=(
            "Where the file is, as in spec.model.uri: pvc://CLAIM/PATH is read in place, everything else is fetched "
            "again by each Job. A reference that can move is taken as it is then."
        ),
    )
    path: SourcePath | None = Field(
        default=None, description="The file within the source, if that contains more. Default: its only file."
    )
    endpoint: Endpoint | None = Field(
        default=None,
        description=(
            "URL of the source's server if it is not the public one. Default for models:/ and runs:/: the tracking "
            "server that the operator is configured with."
        ),
    )
    credentials: CredentialsReference | None = Field(
        default=None,
        description="Credentials for the source, as in spec.model. Default: the service account of the model's pods.",
    )
    config_map: ConfigMapKey | None = Field(default=None, description="A ConfigMap that contains the file.")
    ca_bundle: CABundleReference | None = Field(
        default=None,
        description="Certificates to trust for the source's server, in addition to the public ones.",
    )
    format: DatasetFormat | None = Field(
        default=None,
        description="Format of the file. Default: by the ending of its name, .csv, .jsonl, .npz or .parquet.",
    )
    inputs: Annotated[list[DatasetInput], Field(min_length=1, max_length=64)] = Field(
        description="The model's input tensors, each with its columns."
    )
    max_rows: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="How many rows are used, from the first on. Default: 1000."
    )


class AccuracyCheck(ApiModel):
    """How many of the data set's labels the candidate must get right."""

    label: ColumnName = Field(description="The column with the right answers.")
    output: TensorName = Field(
        description=(
            "The output to compare with the label; if it has several values per row, the index of the largest is "
            "compared."
        )
    )
    minimum_percent: Percentage = Field(description="Minimum percentage of right answers.")


class LatencyCheck(ApiModel):
    """How fast the candidate must answer, one request at a time, after ten warm-up requests."""

    percentile: Annotated[float, Field(gt=0, le=100)] | None = Field(
        default=None, description="Percentile of the latencies. Default: 95."
    )
    maximum_milliseconds: Annotated[int, Field(ge=1, le=3_600_000)] = Field(
        description="Maximum of that percentile, in milliseconds."
    )


class ComparisonCheck(ApiModel):
    """How much the candidate's answers to the data set may differ from stable's."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.kind == 'Scores' || !has(self.maxDistance)",
                "maxDistance is valid only with kind Scores",
            ),
            rule(
                "self.kind != 'Scores' || !has(self.minAgreementPercent)",
                "minAgreementPercent is valid only with kinds Classes and Values; for Scores set maxDistance",
            ),
            rule(
                "self.kind == 'Values' || (!has(self.absoluteTolerance) && !has(self.relativeTolerance))",
                "absoluteTolerance and relativeTolerance are valid only with kind Values",
            ),
        )
    )

    output: TensorName = Field(description="The output to compare.")
    kind: Literal["Classes", "Scores", "Values"] = Field(
        description=(
            "Classes: the same class for each row; if the output has several values per row, the index of the "
            "largest. Scores: the same distribution over all rows, by the largest Kolmogorov-Smirnov distance of "
            "any column. Values: numbers within a tolerance of each other for each row."
        )
    )
    min_agreement_percent: Percentage | None = Field(
        default=None, description="Minimum percentage of rows that agree (Classes, Values). Default: 95."
    )
    max_distance: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="Maximum distance of the distributions, from 0 to 1 (Scores). Default: 0.1."
    )
    absolute_tolerance: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="Maximum absolute difference of two numbers (Values). Default: 0."
    )
    relative_tolerance: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="Maximum difference relative to stable's number (Values). Default: 0.05."
    )


class CheckSpec(ApiModel):
    """One check: exactly one of requests, accuracy, latency and comparison."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "[has(self.requests), has(self.accuracy), has(self.latency), has(self.comparison)]"
                ".filter(given, given).size() == 1",
                "a check must set exactly one of requests, accuracy, latency and comparison",
            ),
            rule(
                "has(self.requests) != has(self.dataset)",
                "accuracy, latency and comparison require dataset; requests must not have one, as they contain their "
                "own inputs",
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
    accuracy: AccuracyCheck | None = Field(default=None, description="Minimum percentage of right answers.")
    latency: LatencyCheck | None = Field(default=None, description="A latency budget.")
    comparison: ComparisonCheck | None = Field(
        default=None, description="Comparison with stable's answers to the same inputs."
    )


class ChecksSpec(ApiModel):
    """Checks of a candidate, run by a Job before it gets traffic."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.smoke) || !self.smoke || !has(self.items) || "
                f"!self.items.exists(item, item.name == '{SMOKE_CHECK}')",
                f"{SMOKE_CHECK} is the built-in check's name: name your own one differently, or remove smoke: true",
            ),
        )
    )

    smoke: bool | None = Field(
        default=None,
        description=(
            "Whether the candidate must answer a request made from its own metadata before it gets traffic. "
            "Default: where no other check asks it anything before its first traffic; if it cannot be asked then, the "
            "rollout goes on. true: also beside other checks, and it must have been asked. false: never."
        ),
    )
    items: (
        Annotated[
            list[CheckSpec],
            Field(
                min_length=1,
                max_length=16,
                json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
            ),
        ]
        | None
    ) = Field(default=None, description="Checks of your own; all of them must pass.")
    timeout: Duration | None = Field(default=None, description="How long all checks together may take. Default: 10m.")
