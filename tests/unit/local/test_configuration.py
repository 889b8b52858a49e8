import tomllib
from pathlib import Path

import pytest
from cluster import certificates, containerd, host, network, tools
from cluster.cli import choose
from cluster.errors import ClusterError
from cluster.paths import LOCAL, Paths
from cluster.status import shortfall
from servers.install import GO_PROGRAMS

PATHS = Paths(Path("/cache"))


def test_containerd_configuration_survives_toml() -> None:
    tree = containerd.configuration(PATHS)
    assert tomllib.loads(containerd.to_toml(tree)) == tree


def test_node_address_prefers_the_default_route() -> None:
    links: list[dict[str, object]] = [
        {"ifname": network.BRIDGE, "addr_info": [{"local": "10.244.0.1"}]},
        {"ifname": "eth0", "addr_info": [{"local": "192.0.2.2"}]},
        {"ifname": "eth1", "addr_info": [{"local": "198.51.100.7"}]},
    ]
    assert network.choose_address([{"dev": "eth1"}], links) == "198.51.100.7"
    assert network.choose_address([], links) == "192.0.2.2"


def test_a_machine_without_an_address_is_refused() -> None:
    with pytest.raises(ClusterError, match="no network interface"):
        network.choose_address([], [{"ifname": network.BRIDGE, "addr_info": [{"local": "10.244.0.1"}]}])


def test_mount_points_with_spaces() -> None:
    assert host.mount_points(r"36 35 98:0 /mnt1 /a\040b rw - ext3 /dev/sda1 rw") == ["/a b"]


def test_server_certificate_covers_every_way_to_the_api() -> None:
    leaves = certificates.leaves("node", "192.0.2.2", "10.96.0.1", "cluster.local")
    names = next(leaf for leaf in leaves if leaf.name == "kube-apiserver").alternative_names
    assert {"IP:127.0.0.1", "IP:192.0.2.2", "IP:10.96.0.1", "DNS:kubernetes.default.svc.cluster.local"} <= set(names)


@pytest.mark.parametrize("program", [*tools.PROGRAMS, *GO_PROGRAMS], ids=lambda program: program.name)
def test_every_program_is_pinned(program: tools.Program) -> None:
    go_mod = (LOCAL / "tools" / program.family / "go.mod").read_text()
    assert tools.pinned_version(go_mod, program.module).startswith("v")
    assert program.package in go_mod


def test_a_program_is_built_anew_when_a_source_of_its_family_changes(tmp_path: Path) -> None:
    for name in ("go.mod", "go.sum", "main.go"):
        (tmp_path / name).write_text(name)
    before = tools.stamp(tmp_path, tools.PROGRAMS[0])
    (tmp_path / "main.go").write_text("package main")
    assert tools.stamp(tmp_path, tools.PROGRAMS[0]) != before


def test_linker_flags_name_the_version() -> None:
    program = next(program for program in tools.PROGRAMS if program.name == "kubectl")
    flags = tools.linker_flags(program, "v1.34.4")
    assert "-X k8s.io/component-base/version.gitVersion=v1.34.4" in flags
    assert "-X k8s.io/component-base/version.gitMinor=34" in flags


def test_a_release_line_stands_before_the_commit() -> None:
    assert tools.display_version("v0.0.0-20260827124520-eed52ebb66ad", "1.31") == "1.31-eed52ebb66ad"


def test_nothing_for_a_service_leaves_the_machine() -> None:
    first = {rule.hook: rule.rules[0] for rule in network.RULES if rule.table == "filter"}
    assert first == {"FORWARD": network.NO_WAY_OUT, "OUTPUT": network.NO_WAY_OUT}


def test_a_deployment_without_status_lacks_all_replicas() -> None:
    assert shortfall({"spec": {"replicas": 2}}) == 2
    assert shortfall({"spec": {}, "status": {"availableReplicas": 1}}) == 0


def test_an_unknown_cluster_is_refused() -> None:
    with pytest.raises(ClusterError, match="local, kind, current"):
        choose("minikube", PATHS)
