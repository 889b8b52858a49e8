"""What is in the images of this project, and under which licences: `make sbom`."""
