"""What every kind of cluster offers to the commands."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Cluster(Protocol):
    """A cluster that can be brought up and taken down; all failures are ClusterErrors."""

    def build(self) -> None:
        """Make everything that `up` needs and that outlives `down`."""

    def up(self) -> None:
        """Make the cluster ready for the product, add-ons included; does nothing where nothing is missing."""

    def down(self) -> None:
        """Remove all that `up` made."""

    def report(self) -> bool:
        """Print what runs and what is missing; return whether all is well."""

    def kubeconfig(self) -> Path:
        """Return the kubeconfig whose current context is the cluster."""

    def import_images(self, archives: Sequence[Path]) -> None:
        """Make the images in these OCI archives available to pods."""
