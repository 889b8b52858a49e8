"""One document into one ModelDeployment, with a line for each field without a counterpart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nereid.api import names
from nereid.cli.convert.annotations import Annotations
from nereid.cli.convert.findings import Findings, NotConvertibleError, line
from nereid.cli.convert.metadata import metadata_fields
from nereid.cli.convert.model import model_fields
from nereid.cli.convert.part import Part
from nereid.cli.convert.rollout import rollout_fields, traffic_fields
from nereid.cli.convert.runtime import runtime_fields
from nereid.cli.convert.scaling import requests_for, scaling_fields
from nereid.cli.convert.server import server_of
from nereid.cli.convert.unmapped import reason
from nereid.cli.convert.validity import problem, refusal

KIND: Final = "InferenceService"
API_VERSION: Final = "serving.kserve.io/v1beta1"


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of a document.

    name: kind, namespace and name, for people. manifest: the ModelDeployment, None if none could be made; then
    not_converted says why, or, if the document is of another kind, skipped. lost and notes: see Findings.
    """

    name: str
    manifest: dict[str, Any] | None = None
    not_converted: str = ""
    skipped: str = ""
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def conversions(documents: list[Any]) -> Iterator[Conversion]:
    """Yield what becomes of each document; a list, as kubectl prints it, stands for its items."""
    for document in documents:
        if isinstance(document, Mapping) and isinstance(document.get("items"), list):
            yield from conversions(document["items"])
        elif document is not None:
            yield conversion(document)


def conversion(document: Any) -> Conversion:
    """Return what becomes of one document."""
    if not isinstance(document, Mapping):
        return Conversion("a document", skipped="it is not a Kubernetes object")
    name, kind, version = _name(document), document.get("kind"), document.get("apiVersion")
    if kind != KIND:
        return Conversion(name, skipped=f"only {KIND}s are converted")
    if version != API_VERSION:
        return Conversion(name, not_converted=line(_wrong_version(version)))
    findings = Findings()
    try:
        manifest = _manifest(document, findings)
    except NotConvertibleError as error:
        return Conversion(name, not_converted=line(str(error)))
    if wrong := problem(manifest):
        return Conversion(name, not_converted=line(f"the resulting ModelDeployment is not valid: {wrong}"))
    if refused := refusal(manifest):
        findings.note("spec.predictor", f"an operator with the chart's defaults rejects these pods: {refused}")
    return Conversion(name, manifest, lost=tuple(findings.lost), notes=tuple(findings.notes))


def _manifest(document: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    fields = {field: value for field, value in document.items() if field != "status"}
    service = Part(fields, f"V1beta1{KIND}", "")
    for field in ("apiVersion", "kind"):
        service.take(field)
    metadata, spec = service.open_part("metadata"), service.part("spec")
    name = metadata.take("name")
    if not isinstance(name, str) or not name:
        raise NotConvertibleError("metadata.name is missing: the Service is named after it")
    sections = _spec(name, metadata, spec, findings)
    manifest = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": metadata_fields(metadata),
        "spec": {key: fields for key, fields in sections.items() if fields},
    }
    _report_left_over(service, findings)
    return manifest


def _spec(name: str, metadata: Part, spec: Part, findings: Findings) -> dict[str, dict[str, Any]]:
    predictor = spec.part("predictor")
    annotations = Annotations(metadata, predictor)
    server = server_of(predictor, findings)
    model = model_fields(name, predictor, server, findings)
    runtime = runtime_fields(predictor, server, annotations, findings)
    scaling = scaling_fields(predictor, annotations, findings)
    return {
        "model": model,
        "runtime": runtime | requests_for(scaling, runtime, findings),
        "scaling": scaling,
        "traffic": traffic_fields(predictor),
        "rollout": rollout_fields(spec, predictor, annotations, findings),
    }


def _report_left_over(service: Part, findings: Findings) -> None:
    for path, is_known in service.left_over():
        is_lost, sentence = reason(path, is_known=is_known)
        (findings.add_lost if is_lost else findings.note)(path, sentence)


def _wrong_version(version: object) -> str:
    problem = f"its apiVersion is {version}" if version else "it has no apiVersion"
    return f"{problem}: convert it to {API_VERSION} first"


def _name(document: Mapping[str, Any]) -> str:
    metadata = document.get("metadata")
    fields = metadata if isinstance(metadata, Mapping) else {}
    place = "/".join(str(fields[key]) for key in ("namespace", "name") if fields.get(key))
    return line(f"{document.get('kind') or 'a document'} {place}").strip()
