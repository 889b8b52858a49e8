"""Where models live: the clients of storages and registries, and the transfer loop. Knows nothing of Triton."""
