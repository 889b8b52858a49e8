"""Where a model can be looked at: pages of the Kiali and the Grafana that the operator was told of."""

from typing import Final
from urllib.parse import quote, urlencode

from nereid.api.status import LinksStatus
from nereid.controller.plan.plan import Plan

GRAFANA_DASHBOARD: Final = "nereid-model"


def links(plan: Plan) -> LinksStatus | None:
    """Return the links to a model's pages; None where none is known."""
    settings, owner = plan.settings, plan.owner
    kiali = grafana = None
    if settings.kiali_url:
        page = f"console/namespaces/{quote(owner.namespace)}/applications/{quote(owner.name)}"
        kiali = f"{settings.kiali_url.rstrip('/')}/{page}"
    if settings.grafana_url:
        chosen = urlencode({"var-namespace": owner.namespace, "var-name": owner.name})
        grafana = f"{settings.grafana_url.rstrip('/')}/d/{GRAFANA_DASHBOARD}?{chosen}"
    return LinksStatus(kiali=kiali, grafana=grafana) if kiali or grafana else None


def annotations(plan: Plan) -> dict[str, str]:
    """Return the links as annotations that Argo CD shows beside an object."""
    found = links(plan)
    shown = found.model_dump(exclude_none=True) if found else {}
    return {f"link.argocd.argoproj.io/{page}": address for page, address in shown.items()}
