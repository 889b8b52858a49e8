"""`spec.model`: which model is served, and where it comes from."""

from enum import StrEnum
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, WithJsonSchema

from nereid.api import model_uri
from nereid.api.provenance import Provenance
from nereid.api.schema import ApiModel, Duration, ObjectName, Quantity, matching, rule, rules

LONGEST_VERSION: Final = 40
_LABEL_VALUE: Final = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"


class Format(StrEnum):
    """What a source holds."""

    ONNX = "onnx"
    TENSORRT = "tensorrt"
    TORCHSCRIPT = "torchscript"
    SAVEDMODEL = "savedmodel"
    PYTHON = "python"
    SKLEARN = "sklearn"
    XGBOOST = "xgboost"
    LIGHTGBM = "lightgbm"
    TRITON = "triton"


_FORMAT_SCHEMA: Final = WithJsonSchema({"enum": [known.value for known in Format], "type": "string"})


SourceUri = Annotated[
    str,
    Field(
        min_length=1,
        max_length=model_uri.LONGEST_URI,
        json_schema_extra=matching(model_uri.PATTERN, model_uri.MESSAGE),
    ),
]
SourcePath = Annotated[
    str,
    Field(
        min_length=1,
        max_length=512,
        json_schema_extra=matching(
            r"^[^/\s][^\s]*$", "must be a relative path without blanks, for instance onnx/model.onnx"
        ),
    ),
]
Endpoint = Annotated[
    str,
    Field(
        min_length=1,
        max_length=512,
        json_schema_extra=matching(
            r"^https?://[^/?#\s@]+[^?#\s]*$", "must be an address like https://minio.storage:9000"
        ),
    ),
]


class CABundleReference(ApiModel):
    """A key of a ConfigMap in the namespace of the ModelDeployment that holds PEM certificates."""

    name: ObjectName = Field(description="Name of the ConfigMap.")
    key: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="Key in the ConfigMap whose value is one or more PEM certificates, for instance ca.crt."
    )


class CredentialsReference(ApiModel):
    """A Secret in the namespace of the ModelDeployment by which its source knows the reader."""

    secret_name: ObjectName = Field(
        description=(
            "Name of the Secret. Its keys are those of the source's own tools, for instance AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, HF_TOKEN, or .dockerconfigjson; docs/models.md lists them. It is mounted in the "
            "container that fetches the model and in the Jobs that ask its registry, and nowhere else; with image "
            "volumes it is the pods' pull Secret as well. Default: the pods' service account is all they have."
        )
    )


class ModelCache(ApiModel):
    """A PersistentVolumeClaim on which fetched models are kept for the pods that come later."""

    claim: ObjectName = Field(
        description=(
            "Name of a PersistentVolumeClaim of this namespace that all pods may mount: ReadWriteMany, or "
            "ReadWriteOnce where one node is enough."
        )
    )
    limit: Quantity = Field(
        description="The most that is kept on it, for instance 50Gi: what was not used for longest goes first."
    )


class ModelSpec(ApiModel):
    """The model: where it is, which format it has, and what it is called."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.caBundle) || !self.uri.startsWith('pvc://')",
                "caBundle is for what is fetched over a network: leave it out for pvc://",
            ),
            rule(
                "!has(self.credentials) || !self.uri.startsWith('pvc://')",
                "credentials are for what is fetched over a network: leave them out for pvc://",
            ),
            rule(
                "!has(self.cache) || !self.uri.startsWith('pvc://')",
                "cache is for what is fetched over a network: leave it out for pvc://, which is read in its place",
            ),
            rule(
                f"!has(self.endpoint) || {model_uri.HAS_ENDPOINT}",
                "endpoint is for s3, gs, azure, hf, models and runs: other URIs name their server themselves",
            ),
            rule(
                "!has(self.path) || !self.uri.startsWith('https://')",
                "path names a file or folder within a source: an https:// URI is a file itself",
            ),
            rule(
                f"!has(self.refresh) || {model_uri.MOVES}",
                "refresh is for a reference that may move: an alias or latest of models:/, a tag of oci:// or a "
                "branch of hf://; this one names something that stays",
            ),
            rule(
                "!has(self.refresh) || !has(self.digest)",
                "digest names one model, and refresh asks for whatever comes next: keep one of them",
            ),
            rule(
                "!has(self.imageVolume) || self.uri.startsWith('oci://')",
                "imageVolume is for oci:// URIs: leave it out for other sources",
            ),
            rule(
                "!has(self.tagRegistry) || !self.tagRegistry || self.uri.startsWith('models:/')",
                "tagRegistry is for models:/ URIs: no other source has a registry to write to",
            ),
        )
    )

    uri: SourceUri = Field(
        description=(
            "Where the model is: pvc://CLAIM/PATH reads a PersistentVolumeClaim of this namespace in its place; "
            "https://HOST/PATH, s3://BUCKET/KEY, gs://BUCKET/KEY, azure://ACCOUNT/CONTAINER/PATH, "
            "hf://OWNER/MODEL[:REVISION] and oci://REGISTRY/REPOSITORY[:TAG][@sha256:HEX] are fetched; models:/NAME/7, "
            "models:/NAME@ALIAS, models:/NAME/latest and runs:/RUN/PATH come from an MLflow tracking server. It names "
            "a file of the format, or a folder that holds it; over https an archive may stand for a folder: .tar.gz, "
            ".tgz, .tar or .zip. A changed URI is a new revision, and so is an alias, tag or branch that leads to "
            "something else when it is looked at; see refresh."
        )
    )
    path: SourcePath | None = Field(
        default=None,
        description=(
            "File or folder within the source, where that holds more than the model, for instance onnx/model.onnx. "
            "Nothing else is fetched, but the weights beside an ONNX graph. Default: all of it."
        ),
    )
    endpoint: Endpoint | None = Field(
        default=None,
        description=(
            "Address of the source's server where it is not the public one: an S3-compatible store, a mirror of the "
            "Hugging Face hub, the tracking server of models:/ and runs:/ (default: the operator's)."
        ),
    )
    credentials: CredentialsReference | None = Field(default=None, description="How the source knows the reader.")
    refresh: Duration | None = Field(
        default=None,
        description=(
            "How often an alias, latest, a tag or a branch is looked at again, for instance 5m; when it leads to "
            "something else, that is rolled out as any change. At least 10s: a shorter time counts as that. Default: "
            "never; it is looked at when the URI, or how it is reached, changes."
        ),
    )
    cache: ModelCache | None = Field(
        default=None, description="Where fetched models are kept for later pods. Default: each pod fetches its own."
    )
    image_volume: bool | None = Field(
        default=None,
        description=(
            "Whether the node's runtime mounts the image of an oci:// URI, instead of its being fetched: the cluster "
            "must have image volumes, and the artifact must be an image. Default: as the operator was set up."
        ),
    )
    format: Annotated[Format, _FORMAT_SCHEMA] | None = Field(
        default=None,
        description=(
            "What the URI holds: one model's file or folder (onnx, tensorrt, torchscript, savedmodel, python, sklearn, "
            "xgboost, lightgbm), or triton, a ready model repository of Triton, of which all models and ensembles are "
            "served. Default: onnx when the URI or path ends in .onnx, else triton."
        ),
    )
    digest: (
        Annotated[
            str,
            Field(
                max_length=71,
                json_schema_extra=matching(
                    f"^{model_uri.DIGEST}$", "must be sha256: and 64 lower-case hexadecimal digits, as sha256sum prints"
                ),
            ),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "SHA-256 as sha256:HEX of the file or archive at the URI; of a folder, that of the list that `find . "
            "-type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum` prints in it. It is "
            "verified before the model serves; a model that differs never does. Status tells the digest of what was "
            "fetched."
        ),
    )
    name: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=63,
                json_schema_extra=matching(
                    _LABEL_VALUE,
                    "must be letters, digits, dashes, underscores and dots, and begin and end with a letter or digit",
                ),
            ),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "The name that clients ask Triton for, as in /v2/models/NAME/infer. With format triton it is one of the "
            "repository's models. Default: the name of the ModelDeployment."
        ),
    )
    version: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=LONGEST_VERSION,
                json_schema_extra=matching(
                    _LABEL_VALUE,
                    "must be a label value: letters, digits, dashes, underscores and dots",
                ),
            ),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "Your own label for this version of the model, for instance 7 or 2026-11-20. It is shown by kubectl, in "
            "Kiali's graph and in every metric, followed by the revision, which keeps it unique."
        ),
    )
    ca_bundle: CABundleReference | None = Field(
        default=None,
        description=(
            "Certificates of a private certification authority that signed the server's certificate. Default: the "
            "public ones."
        ),
    )
    config: Annotated[
        dict[str, Any] | None,
        Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True, "maxProperties": 64}),
    ] = Field(
        default=None,
        description=(
            "Triton's model configuration (ModelConfig of model_config.proto) in YAML, for instance maxBatchSize, "
            "dynamicBatching, instanceGroup, sequenceBatching, responseCache, optimization, modelWarmup or parameters. "
            "It is merged over what is generated for the format, or over the repository's config.pbtxt of the named "
            "model: messages field by field, lists as a whole. A field that Triton does not know is refused."
        ),
    )
    provenance: Provenance | None = Field(
        default=None,
        description=(
            "What the model was made from, for people and audits: shown in status and history. What MLflow knows is "
            "added. A change of it starts no rollout."
        ),
    )
    tag_registry: bool | None = Field(
        default=None,
        description=(
            "Whether the MLflow registry is told by tags which ModelDeployment serves this version. Default: false."
        ),
    )

    def resolved_format(self) -> Format:
        """Return the format, told or told by the URI's ending."""
        if self.format is not None:
            return self.format
        named = self.path or urlsplit(self.uri).path
        return Format.ONNX if named.endswith(".onnx") else Format.TRITON
