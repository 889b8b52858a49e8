"""The clients of object stores and registries, and the download loop. Independent of Triton."""
