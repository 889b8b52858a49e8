"""Writes each dashboard as JSON into the chart, or into the folder that is given."""

import json
import sys
from pathlib import Path
from typing import Final

from dashboards import fleet, model, rollout

_CHART_FILES: Final = Path(__file__).parents[2] / "charts" / "nereid" / "files" / "dashboards"


def main(folder: Path) -> None:
    """Write the dashboards, each named by its uid."""
    folder.mkdir(parents=True, exist_ok=True)
    for dashboard in (fleet.DASHBOARD, model.DASHBOARD, rollout.DASHBOARD):
        text = json.dumps(dashboard, indent=2, ensure_ascii=False)
        (folder / f"{dashboard['uid']}.json").write_text(f"{text}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else _CHART_FILES)
