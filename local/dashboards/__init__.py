"""Makes the chart's Grafana dashboards: what they ask and show stands here, how Grafana writes it in one module.

`PYTHONPATH=local python -m dashboards` regenerates charts/nereid/files/dashboards. No part of the installed package.
"""
