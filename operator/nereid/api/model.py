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
            r"^[^/\s][^\s]*$", "must be a relative path without spaces, for instance onnx/model.onnx"
        ),
    ),
]
Endpoint = Annotated[
    str,
    Field(
        min_length=1,
        max_length=512,
        json_schema_extra=matching(
            r"^https?://[^/?#\s@]+[^?#\s]*$", "must be an http or https URL, for instance https://minio.storage:9000"
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
    """A Secret in the namespace of the ModelDeployment with the credentials for its source."""

    secret_name: ObjectName = Field(
        description=(
            "Name of the Secret. Its keys are named as the source's own tools name them, for instance "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, HF_TOKEN, or .dockerconfigjson; docs/models.md lists "
            "them. It is mounted only in the container that fetches the model and in the Jobs that query its "
            "registry; with image volumes it is also the pods' image pull Secret. Default: no Secret, only the "
            "identity of the pods' service account."
        )
    )


class ModelCache(ApiModel):
    """A PersistentVolumeClaim on which fetched models are cached for later pods."""

    claim: ObjectName = Field(
        description=(
            "Name of a PersistentVolumeClaim in this namespace that all pods can mount: ReadWriteMany, or "
            "ReadWriteOnce if all pods run on one node."
        )
    )
    limit: Quantity = Field(
        description="Maximum size of the cache, for instance 50Gi. The least recently used models are removed first."
    )


class ModelSpec(ApiModel):
    """The model: where it is, which format it has, and what it is called."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.caBundle) || !self.uri.startsWith('pvc://')",
                "caBundle applies only to models that are fetched over a network: remove it for pvc://",
            ),
            rule(
                "!has(self.credentials) || !self.uri.startsWith('pvc://')",
                "credentials apply only to models that are fetched over a network: remove them for pvc://",
            ),
            rule(
                "!has(self.cache) || !self.uri.startsWith('pvc://')",
                "cache applies only to models that are fetched over a network: remove it for pvc://, which is read in "
                "place",
            ),
            rule(
                f"!has(self.endpoint) || {model_uri.HAS_ENDPOINT}",
                "endpoint applies only to s3, gs, azure, hf, models and runs: remove it, as other URIs contain their "
                "server",
            ),
            rule(
                "!has(self.path) || !self.uri.startsWith('https://')",
                "path names a file or folder within a source, and an https:// URI is a single file: remove path",
            ),
            rule(
                f"!has(self.refresh) || {model_uri.MOVES}",
                "refresh applies only to references that can move (an alias or latest of models:/, a tag of oci://, a "
                "branch of hf://), and this URI is fixed: remove refresh",
            ),
            rule(
                "!has(self.refresh) || !has(self.digest)",
                "digest fixes one model, and refresh follows a reference to new ones: remove one of them",
            ),
            rule(
                "!has(self.imageVolume) || self.uri.startsWith('oci://')",
                "imageVolume applies only to oci:// URIs: remove it for other sources",
            ),
            rule(
                "!has(self.tagRegistry) || !self.tagRegistry || self.uri.startsWith('models:/')",
                "tagRegistry applies only to models:/ URIs: remove it, as no other source has a registry to write to",
            ),
        )
    )

    uri: SourceUri = Field(
        description=(
            "Where the model is. pvc://CLAIM/PATH is read in place from a PersistentVolumeClaim in this "
            "namespace; https://HOST/PATH, s3://BUCKET/KEY, gs://BUCKET/KEY, azure://ACCOUNT/CONTAINER/PATH, "
            "hf://OWNER/MODEL[:REVISION] and oci://REGISTRY/REPOSITORY[:TAG][@sha256:HEX] are fetched; "
            "models:/NAME/7, models:/NAME@ALIAS, models:/NAME/latest and runs:/RUN/PATH come from an MLflow "
            "tracking server. It names a file in the model's format, or a folder that contains it; over https a "
            "folder is an archive: .tar.gz, .tgz, .tar or .zip. Changing the URI makes a new revision. So does an "
            "alias, tag or branch that has moved when it is resolved again; see refresh."
        )
    )
    path: SourcePath | None = Field(
        default=None,
        description=(
            "File or folder within the source, if the source contains more than the model, for instance "
            "onnx/model.onnx. Only this is fetched, together with the external weights of an ONNX graph. Default: "
            "the whole source."
        ),
    )
    endpoint: Endpoint | None = Field(
        default=None,
        description=(
            "URL of the source's server if it is not the public one: an S3-compatible store, a mirror of the "
            "Hugging Face hub, or the MLflow tracking server of models:/ and runs:/ (default: the one that the "
            "operator is configured with)."
        ),
    )
    credentials: CredentialsReference | None = Field(default=None, description="Credentials for the source.")
    refresh: Duration | None = Field(
        default=None,
        description=(
            "How often an alias, latest, a tag or a branch is resolved again, for instance 5m. If it has moved, "
            "the new model is rolled out like any other change. Values below the operator's shortest time, by default "
            "1m, count as that. Default: never; it is resolved only when the URI, its endpoint or its credentials "
            "change."
        ),
    )
    cache: ModelCache | None = Field(
        default=None,
        description="Cache of fetched models for later pods. Default: none; each pod fetches the model itself.",
    )
    image_volume: bool | None = Field(
        default=None,
        description=(
            "Whether the node's container runtime mounts the image of an oci:// URI instead of fetching it. The "
            "cluster must support image volumes, and the artifact must be an image. Default: the operator's "
            "setting."
        ),
    )
    format: Annotated[Format, _FORMAT_SCHEMA] | None = Field(
        default=None,
        description=(
            "What the URI contains: the file or folder of one model (onnx, tensorrt, torchscript, savedmodel, "
            "python, sklearn, xgboost, lightgbm), or a complete Triton model repository (triton), of which all "
            "models and ensembles are served. Default: onnx if the URI or path ends in .onnx, otherwise triton."
        ),
    )
    digest: (
        Annotated[
            str,
            Field(
                max_length=71,
                json_schema_extra=matching(
                    f"^{model_uri.DIGEST}$",
                    "must be sha256: followed by 64 lower-case hexadecimal digits, as printed by sha256sum",
                ),
            ),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "SHA-256 as sha256:HEX of the file or archive at the URI; of a folder, that of the list that `find . "
            "-type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum` prints in it. It is verified before the "
            "model serves; a model with another digest never serves. The digest of the fetched model is shown in "
            "status. A model on a claim is copied into the pod as it is verified, so that a later change of the claim "
            "is not served."
        ),
    )
    max_size: Quantity | None = Field(
        default=None,
        description=(
            "Maximum size of the model, for instance 20Gi: of what is downloaded, and of what is unpacked from it. A "
            "larger model is not fetched. It also limits the size of the pod's volumes. Models that are read in place "
            "have any size. Default and maximum: the operator's setting (Helm value models.maxSize)."
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
                    "must contain only letters, digits, dashes, underscores and dots, and begin and end "
                    "with a letter or digit",
                ),
            ),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "The model name that clients use in requests, as in /v2/models/NAME/infer. With format triton it must "
            "be one of the repository's models. Default: the name of the ModelDeployment."
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
                    "must be a valid label value: letters, digits, dashes, underscores and dots, beginning and ending "
                    "with a letter or digit",
                ),
            ),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "Your own label for this version of the model, for instance 7 or 2026-11-20. kubectl, Kiali and "
            "metrics show it followed by the revision id, which keeps it unique."
        ),
    )
    ca_bundle: CABundleReference | None = Field(
        default=None,
        description=(
            "Certificates of the private certificate authority that signed the server's certificate. Default: the "
            "public authorities."
        ),
    )
    config: Annotated[
        dict[str, Any] | None,
        Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True, "maxProperties": 64}),
    ] = Field(
        default=None,
        description=(
            "Triton's model configuration (ModelConfig of model_config.proto) in YAML, for instance maxBatchSize, "
            "dynamicBatching, instanceGroup, sequenceBatching, responseCache, optimization, modelWarmup or "
            "parameters. It is merged over the configuration generated for the format, or over the config.pbtxt "
            "of the named model in the repository: messages field by field, lists as a whole. Fields that Triton "
            "does not know are rejected."
        ),
    )
    provenance: Provenance | None = Field(
        default=None,
        description=(
            "What the model was made from, for people and audits; shown in status and history. Facts that MLflow "
            "knows are added. Changing it starts no rollout."
        ),
    )
    tag_registry: bool | None = Field(
        default=None,
        description=(
            "Whether the model version in the MLflow registry is tagged with the ModelDeployment that serves it. "
            "Default: false."
        ),
    )

    def resolved_format(self) -> Format:
        """Return the format that the spec names, or the one that the ending of the URI or path implies."""
        if self.format is not None:
            return self.format
        path = self.path or urlsplit(self.uri).path
        return Format.ONNX if path.endswith(".onnx") else Format.TRITON
