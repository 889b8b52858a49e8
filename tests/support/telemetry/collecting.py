"""What a scrape would find."""

from tests.support.telemetry.statuses import Model

from nereid.controller.shell.telemetry.rollouts import FAMILIES, RolloutCollector


def collected(*models: Model) -> dict[str, dict[tuple[str, ...], float]]:
    """Return each metric's figures by the values of its labels, in the order in which the family names them."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for metric in RolloutCollector(lambda: models).collect():
        labels = ("namespace", "name", *FAMILIES[metric.name].labels)
        for sample in metric.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels[one] for one in labels)] = sample.value
    return found
