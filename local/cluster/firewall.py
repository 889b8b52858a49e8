"""Removes the iptables chains that the cluster made, and nothing else.

kube-proxy, kubelet and this program only ever add chains with names of their own, and jumps to them from the built-in
chains. What bears such a name and was not there before the cluster was made is the cluster's.
"""

import re
import shutil
from collections.abc import Collection

from cluster.commands import run
from cluster.paths import Paths

CLUSTER_CHAIN = re.compile(r"(KUBE|CNI|NEREID)-\S+")
FAMILIES = ("iptables", "ip6tables")


def save(paths: Paths, family: str) -> str:
    """Return all rules of a family as `iptables-save` prints them; empty if the program is not installed."""
    environment = paths.environment()
    if not shutil.which(f"{family}-save", path=environment["PATH"]):
        return ""
    return run([f"{family}-save"], environment=environment)


def chains(saved: str) -> list[str]:
    """Name the cluster's kind of chains, each as `table/chain`."""
    names, table = [], ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":") and CLUSTER_CHAIN.fullmatch(line[1:].split()[0]):
            names.append(f"{table}/{line[1:].split()[0]}")
    return names


def removal(saved: str, keep: Collection[str]) -> str:
    """Write the input for `iptables-restore --noflush` that removes the cluster's chains but those in `keep`."""
    doomed = [chain for chain in chains(saved) if chain not in keep]
    output = []
    for table in sorted({chain.split("/")[0] for chain in doomed}):
        names = [chain.split("/")[1] for chain in doomed if chain.startswith(f"{table}/")]
        output += [f"*{table}", *(f":{name} - [0:0]" for name in names)]
        output += _jumps(saved, table, set(names))
        output += [*(f"-X {name}" for name in names), "COMMIT"]
    return "".join(f"{line}\n" for line in output)


def remove(paths: Paths, keep: Collection[str]) -> None:
    """Remove the cluster's chains of both families."""
    for family in FAMILIES:
        text = removal(save(paths, family), keep)
        if text:
            run([f"{family}-restore", "--wait", "--noflush"], environment=paths.environment(), stdin=text)


def _jumps(saved: str, table: str, names: set[str]) -> list[str]:
    """Write the deletions of the rules that lead from chains which stay to chains which go."""
    deletions, current = [], ""
    for line in saved.splitlines():
        if line.startswith("*"):
            current = line[1:]
        words = line.split()
        if current != table or words[:1] != ["-A"] or words[1] in names:
            continue
        if any(words[index] in ("-j", "-g") and words[index + 1] in names for index in range(len(words) - 1)):
            deletions.append(f"-D{line[2:]}")
    return deletions
