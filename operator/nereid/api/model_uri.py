"""The grammar of a model's URI: what users may write into `spec.model.uri`, as the CRD's schema demands it.

One form for each scheme, as a regular expression that Python and the API server's CEL (RE2) read alike. What a URI that
has one of these forms means is `contract.source`'s to say; `tests/property/test_model_uri.py` holds the two together.
Imports nothing of Nereid.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

LONGEST_URI: Final = 1024
# What never changes: a commit of a hub, the content of an image, the version of a registered model.
COMMIT: Final = "[0-9a-f]{40}"
DIGEST: Final = "sha256:[0-9a-f]{64}"
VERSION: Final = "[0-9]+"
LATEST: Final = "latest"


class Scheme(StrEnum):
    """The kinds of places that a model is fetched from."""

    PVC = "pvc"
    HTTPS = "https"
    S3 = "s3"
    GCS = "gs"
    AZURE = "azure"
    HUB = "hf"
    OCI = "oci"
    REGISTERED = "models"
    RUN = "runs"


@dataclass(frozen=True, slots=True)
class Form:
    """How the URIs of one scheme are written: the pattern of all of it, and words that show it to people."""

    pattern: str
    shown: str


FORMS: Final[Mapping[Scheme, Form]] = MappingProxyType(
    {
        Scheme.PVC: Form(r"pvc://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/.*)?", "pvc://CLAIM/PATH"),
        Scheme.HTTPS: Form(r"https://[^/\s@]+/\S*", "https://HOST/PATH without user or password"),
        Scheme.S3: Form(r"s3://[a-z0-9][-a-z0-9.]+[a-z0-9]/\S+", "s3://BUCKET/KEY"),
        Scheme.GCS: Form(r"gs://[a-z0-9][-a-z0-9._]+[a-z0-9]/\S+", "gs://BUCKET/KEY"),
        Scheme.AZURE: Form(r"azure://[a-z0-9]{3,24}/[$a-z0-9][-a-z0-9]*/\S+", "azure://ACCOUNT/CONTAINER/PATH"),
        Scheme.HUB: Form(r"hf://[\w.-]+/[\w.-]+(:[^\s/:]+)?", "hf://OWNER/MODEL[:REVISION]"),
        Scheme.OCI: Form(
            rf"oci://[^/\s@]+/[a-z0-9][a-z0-9._/-]*(:[\w][\w.-]*)?(@{DIGEST})?",
            "oci://REGISTRY/REPOSITORY[:TAG][@sha256:HEX]",
        ),
        Scheme.REGISTERED: Form(
            rf"models:/[^/@\s]+(/{VERSION}|/{LATEST}|@\S+)",
            "models:/NAME/VERSION, models:/NAME@ALIAS, models:/NAME/latest",
        ),
        Scheme.RUN: Form(r"runs:/[0-9a-zA-Z_-]+/\S+", "runs:/RUN/PATH"),
    }
)

PATTERN: Final = f"^({'|'.join(form.pattern for form in FORMS.values())})$"
_SHOWN: Final = [form.shown for form in FORMS.values()]
MESSAGE: Final = f"must be one of {', '.join(_SHOWN[:-1])} or {_SHOWN[-1]}"

# In CEL, of `self.uri`: whether it is fetched from a server that is not named by the URI itself, and whether it may
# come to mean something else.
HAS_ENDPOINT: Final = "self.uri.matches('^(s3|gs|azure|hf)://') || self.uri.matches('^(models|runs):/')"
MOVES: Final = (
    "(self.uri.startsWith('oci://') && !self.uri.contains('@sha256:')) || "
    f"(self.uri.startsWith('hf://') && !self.uri.matches(':{COMMIT}$')) || "
    f"(self.uri.startsWith('models:/') && !self.uri.matches('^models:/[^/@]+/{VERSION}$'))"
)
