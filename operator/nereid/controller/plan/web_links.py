"""Links to a model's pages in Kiali and Grafana, if the operator is configured with their URLs."""

from typing import Final
from urllib.parse import quote, urlencode

from nereid.api.status import LinksStatus
from nereid.controller.plan.plan import Plan

GRAFANA_DASHBOARD: Final = "nereid-model"


def links(plan: Plan) -> LinksStatus | None:
    """Return the links to a model's pages; None if neither is configured."""
    settings, owner = plan.settings, plan.owner
    kiali = grafana = None
    if settings.kiali_url:
        page = f"console/namespaces/{quote(owner.namespace)}/applications/{quote(owner.name)}"
        kiali = f"{settings.kiali_url.rstrip('/')}/{page}"
    if settings.grafana_url:
        variables = urlencode({"var-namespace": owner.namespace, "var-name": owner.name})
        grafana = f"{settings.grafana_url.rstrip('/')}/d/{GRAFANA_DASHBOARD}?{variables}"
    return LinksStatus(kiali=kiali, grafana=grafana) if kiali or grafana else None


def annotations(plan: Plan) -> dict[str, str]:
    """Return the links as annotations, which Argo CD shows with an object."""
    status = links(plan)
    urls = status.model_dump(exclude_none=True) if status else {}
    return {f"link.argocd.argoproj.io/{page}": url for page, url in urls.items()}
