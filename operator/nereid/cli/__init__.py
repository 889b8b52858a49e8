"""The command line: what a person asks of Nereid, and the entry points of its own containers.

Commands are imported when they are called, so that the operator does without the Kubernetes client and the terminal
output of the commands for people, and these do without the operator's Kopf.
"""

from nereid.cli.group import kubectl_main, main

__all__ = ["kubectl_main", "main"]
