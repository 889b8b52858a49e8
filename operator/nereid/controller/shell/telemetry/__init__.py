"""The operator's own Prometheus metrics: its work, and the state of each rollout.

Names and labels of metrics are an interface, as alerts and dashboards use them; docs/operations.md documents them. No
label holds a sentence, and every label has few values per ModelDeployment. Imports only the API.
"""
