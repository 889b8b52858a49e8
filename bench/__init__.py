"""What the control plane costs, measured on a real API server beside the figures of KServe."""
