"""Who calls the API server of a cluster of EKS: whom its access entries let in, and nobody else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.eks_world import ADMINISTRATOR, NAME, World, eks_world

from modelyard_sandbox.emulator import Sandbox
from modelyard_sandbox.kubernetes.provider.api import Caller
from modelyard_sandbox.kubernetes.provider.callers import EksCaller
from modelyard_sandbox.kubernetes.provider.cluster import ClusterError
from modelyard_sandbox.kubernetes.provider.kubeconfig import wanted
from modelyard_sandbox.kubernetes.provider.servicer import KubernetesServicer
from modelyard_sandbox.places import Places
from modelyard_sandbox.plugins.answers import ConfigurationRefused, ProviderError
from modelyard_sandbox.plugins.greeting import Greeting

ASSUMED = "arn:aws:sts::123456789012:assumed-role"
MAP = "kubernetes:core/v1:ConfigMap"
URN = f"urn:pulumi:dev::team::{MAP}::settings"


@pytest.fixture(scope="module")
def world(sandbox: Sandbox) -> World:
    return eks_world(sandbox)


def asked(world: World, kubeconfig: str) -> EksCaller:
    found = wanted({"kubeconfig": kubeconfig}, world.environment, Path())
    assert found.eks is not None
    return EksCaller(found.eks, world.environment, found.server, found.authority)


def called(world: World, role: str = "") -> Caller:
    return asked(world, world.kubeconfig(role))()


def test_a_role_with_an_access_entry_is_its_assumed_role_with_the_entrys_groups(world: World) -> None:
    role = world.role("deployer", path="/teams/")
    world.admit(role, "team-a", "team-b")
    assert called(world, role) == Caller(f"{ASSUMED}/deployer/EKSGetTokenAuth", ["team-a", "team-b"])


def test_an_administrator_of_the_cluster_may_everything(world: World) -> None:
    role = world.role("administrator")
    world.admit(role, policy=ADMINISTRATOR)
    assert called(world, role).groups == ["system:masters"]


def test_a_role_without_an_access_entry_is_unauthorized_until_it_has_one(world: World) -> None:
    role = world.role("stranger")
    caller = asked(world, world.kubeconfig(role))
    with pytest.raises(ClusterError, match=rf"^Unauthorized: {role} isn't let in") as raised:
        caller()
    assert raised.value.code == 401
    world.admit(role, "team-a")
    assert caller().groups == ["team-a"]


def test_whoever_runs_the_engine_is_the_caller_where_no_role_is_named(world: World) -> None:
    with pytest.raises(ClusterError, match="Unauthorized: arn:aws:iam::123456789012:user/moto isn't let in"):
        called(world)


def test_a_role_that_doesnt_exist_cant_be_assumed(world: World) -> None:
    with pytest.raises(ConfigurationRefused, match=r"sts:AssumeRole.*role/nobody"):
        called(world, "arn:aws:iam::123456789012:role/nobody")


@pytest.mark.parametrize(("policy", "namespace"), [("AmazonEKSViewPolicy", ""), ("AmazonEKSClusterAdminPolicy", "a")])
def test_what_other_policies_of_aws_allow_isnt_guessed(world: World, policy: str, namespace: str) -> None:
    role = world.role(f"viewer{namespace}")
    world.admit(role, policy=ADMINISTRATOR.replace("AmazonEKSClusterAdminPolicy", policy), namespace=namespace)
    with pytest.raises(ClusterError, match=f"{policy} for a {'namespace' if namespace else 'cluster'}.*doesn't know"):
        called(world, role)


def test_an_entry_of_nodes_is_nobody_who_calls(world: World) -> None:
    role = world.role("node")
    world.eks.create_access_entry(clusterName=NAME, principalArn=role, type="EC2_LINUX")
    with pytest.raises(ClusterError, match="its access entry is EC2_LINUX"):
        called(world, role)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"server": "https://abcd.gr7.eu-west-1.eks.amazonaws.com"}, "leads to https://abcd"),
        ({"server": "https://127.0.0.1:6443"}, "leads to https://127.0.0.1:6443"),
        ({"certificate-authority-data": "QQ=="}, "wouldn't be trusted"),
        ({"name": "another"}, "names cluster another, which isn't in"),
    ],
)
def test_a_cluster_that_isnt_in_the_sandboxs_aws_is_refused(world: World, changes: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationRefused, match=said):
        asked(world, world.kubeconfig(**changes))


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AWS_ENDPOINT_URL", "https://eks.eu-west-1.amazonaws.com", "not on this machine"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE", "not the sandbox's"),
        ("AWS_PROFILE", "production", "AWS_PROFILE"),
    ],
)
def test_an_environment_of_a_real_account_is_refused(world: World, variable: str, value: str, said: str) -> None:
    servicer = servicing(world, Path(os.devnull).parent, {variable: value})
    with pytest.raises(ConfigurationRefused, match=said):
        servicer.configured({"kubeconfig": world.kubeconfig()})


def test_where_no_api_server_runs_it_is_said_once_and_objects_are_written_below_the_sandboxs_folder(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    servicer = servicing(world, tmp_path)
    configuration: dict[str, Any] = {"kubeconfig": world.kubeconfig()}
    assert servicer.faults(configuration) == []
    provider = servicer.configured(configuration)
    inputs, _ = provider.check(MAP, URN, {}, {"metadata": {"name": "settings"}}, b"")
    provider.create(MAP, URN, inputs, preview=False)
    written = Places(tmp_path).manifests / "1-manifest" / "v1-configmap-default-settings.yaml"
    assert written.is_file()
    told = [record.getMessage() for record in caplog.records]
    assert len([text for text in told if "yard sandbox start --kubernetes" in text]) == 1


def test_a_preview_goes_on_for_a_caller_who_isnt_let_in_yet_and_an_update_doesnt(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    role = world.role("later")
    where = Places(tmp_path).cluster
    where.parent.mkdir(parents=True)
    where.write_text(world.kubeconfig(role).replace('"exec"', '"token": "t", "exec"'))
    provider = servicing(world, tmp_path).configured({"kubeconfig": world.kubeconfig(role)})
    inputs, _ = provider.check(MAP, URN, {}, {"metadata": {"name": "settings"}}, b"")
    assert provider.create(MAP, URN, inputs, preview=True)[1]["metadata"]["name"] == "settings"
    assert f"{role} isn't let in" in caplog.text
    with pytest.raises(ProviderError, match=f"{role} isn't let in"):
        provider.create(MAP, URN, inputs, preview=False)


def servicing(world: World, root: Path, changes: dict[str, str] | None = None) -> KubernetesServicer:
    environment = {**world.environment, **(changes or {})}
    return KubernetesServicer(Greeting("kubernetes", environment, folder=str(root)), Places(root))
