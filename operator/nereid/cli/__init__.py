"""The command line: what a person asks of Nereid, and the entry points of its own containers.

Commands are imported when they are called, so that the operator needs neither the Kubernetes client nor the terminal
output of the commands for people, and these do not need Kopf.
"""

from nereid.cli.group import kubectl_main, main

__all__ = ["kubectl_main", "main"]
