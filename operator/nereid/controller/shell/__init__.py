"""The controller's side effects: Kopf, the API server, Prometheus, Triton's metrics, the clock."""
