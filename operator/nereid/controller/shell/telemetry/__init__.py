"""The operator's own Prometheus metrics: what it does, and where each rollout stands.

What a metric is called and which labels it has is an interface, as alerts and dashboards are built on it; it is told in
docs/operations.md. No label holds a sentence, and every label has few values per ModelDeployment. Imports only the API.
"""
