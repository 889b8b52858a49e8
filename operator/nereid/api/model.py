"""`spec.model`: which model is served, and where it comes from."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field

from nereid.api.schema import ApiModel, ObjectName, matching, rule, rules

ModelFormat = Literal["onnx", "triton"]

_IS_ONNX = r"(has(self.format) ? self.format == 'onnx' : self.uri.matches('^[^?#]*[.]onnx([?#].*)?$'))"


class CABundleReference(ApiModel):
    """A key of a ConfigMap in the namespace of the ModelDeployment that holds PEM certificates."""

    name: ObjectName = Field(description="Name of the ConfigMap.")
    key: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="Key in the ConfigMap whose value is one or more PEM certificates, for instance ca.crt."
    )


class ModelSpec(ApiModel):
    """The model: where it is, which format it has, and what it is called."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                f"!has(self.digest) || self.uri.startsWith('https://') || {_IS_ONNX}",
                "digest needs a single file: leave it out for a Triton repository on a volume",
            ),
            rule(
                "!has(self.caBundle) || self.uri.startsWith('https://')",
                "caBundle is for https:// URIs: leave it out for other sources",
            ),
        )
    )

    uri: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1024,
            json_schema_extra=matching(
                r"^(pvc://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/.*)?|https://[^/\s@]+/\S*)$",
                "must be pvc://CLAIM/PATH for a PersistentVolumeClaim of this namespace, or https://HOST/PATH "
                "without user or password",
            ),
        ),
    ] = Field(
        description=(
            "Where the model is: pvc://CLAIM/PATH reads a PersistentVolumeClaim of this namespace, https://HOST/PATH "
            "downloads. It names a single .onnx file, or a Triton model repository (a folder on a claim; over https "
            "an archive: .tar.gz, .tgz, .tar or .zip). A changed URI is a new revision."
        )
    )
    format: ModelFormat | None = Field(
        default=None,
        description=(
            "What the URI holds: onnx is a single ONNX file, triton is a ready Triton model repository. "
            "Default: onnx when the URI's path ends in .onnx, else triton."
        ),
    )
    digest: (
        Annotated[
            str,
            Field(
                max_length=71,
                json_schema_extra=matching(
                    "^sha256:[0-9a-f]{64}$", "must be sha256: and 64 lower-case hexadecimal digits, as sha256sum prints"
                ),
            ),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "SHA-256 of the file or archive at the URI, as sha256:HEX. It is verified before the model serves; a "
            "model that differs never does."
        ),
    )
    name: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=63,
                json_schema_extra=matching(
                    r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
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
                max_length=40,
                json_schema_extra=matching(
                    r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
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
            "Certificates of a private certification authority that signed the https server's certificate. Default: "
            "the public ones."
        ),
    )

    def resolved_format(self) -> ModelFormat:
        """Return the format, told or told by the URI's ending."""
        if self.format is not None:
            return self.format
        return "onnx" if urlsplit(self.uri).path.endswith(".onnx") else "triton"
