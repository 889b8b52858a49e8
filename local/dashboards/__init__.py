"""Makes the chart's Grafana dashboards: what they ask and show stands here, how Grafana writes it in one module.

`PYTHONPATH=local python -m dashboards` writes charts/nereid/files/dashboards anew. No part of the installed package.
"""
