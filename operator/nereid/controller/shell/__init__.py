"""What touches the world for the controller: Kopf, the API server, Prometheus, Triton's metrics, the clock."""
