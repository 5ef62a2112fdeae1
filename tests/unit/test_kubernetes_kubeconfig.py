"""Which clusters the sandbox's provider of Kubernetes goes to: its own, and none that a kubeconfig wishes for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelyard_sandbox.kubernetes.provider.kubeconfig import EksToken, server_of, wanted
from modelyard_sandbox.kubernetes.provider.servicer import KubernetesServicer
from modelyard_sandbox.places import Places
from modelyard_sandbox.plugins.answers import ConfigurationRefused
from modelyard_sandbox.plugins.greeting import Greeting

GET_TOKEN = {
    "command": "aws",
    "args": ["--region", "eu-west-1", "eks", "get-token", "--cluster-name", "ml", "--output", "json"],
}


def kubeconfig(
    user: dict[str, Any] | None = None, server: str = "https://127.0.0.1:1", cluster: dict[str, str] | None = None
) -> str:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": "u", "user": {"token": "t"} if user is None else user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "team-a"}}],
        "current-context": "x",
    }
    return json.dumps(document)


def refused(configuration: dict[str, Any], environment: dict[str, str] | None = None, root: Path = Path()) -> str:
    servicer = KubernetesServicer(Greeting("kubernetes", environment or {}, folder=str(root)), Places(root))
    found = servicer.faults(configuration)
    with pytest.raises(ConfigurationRefused) as raised:
        servicer.configured(configuration)
    assert raised.value.faults == found, "a preview refuses what an update refuses"
    return str(raised.value)


@pytest.mark.parametrize(
    "server",
    [
        "https://1234.gr7.eu-west-1.eks.amazonaws.com",
        "https://kubernetes.example.com:6443",
        "https://127.0.0.1:6443",
        "https://127.0.0.1.example.com",
        "http://10.0.0.1",
        "",
    ],
)
def test_a_cluster_that_isnt_the_sandboxs_is_refused(server: str, tmp_path: Path) -> None:
    assert "isn't the sandbox's API server" in refused({"kubeconfig": kubeconfig(server=server)}, root=tmp_path)


def test_the_sandboxs_server_at_another_port_is_refused_while_one_runs(tmp_path: Path) -> None:
    where = Places(tmp_path).cluster
    where.parent.mkdir(parents=True)
    where.write_text(kubeconfig(server="https://127.0.0.1:2", cluster={"certificate-authority-data": "QQ=="}))
    told = refused({"kubeconfig": kubeconfig(server="https://127.0.0.1:1")}, root=tmp_path)
    assert "the sandbox's is https://127.0.0.1:2" in told


def test_without_a_kubeconfig_nobodys_own_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(kubeconfig())
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "is not set" in refused({}, root=tmp_path)


def test_a_program_of_a_kubeconfig_is_never_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    told = refused({"kubeconfig": kubeconfig({"exec": {"command": "touch", "args": [str(ran)]}})}, root=tmp_path)
    assert f"runs `touch {ran}`; the sandbox runs nothing" in told
    assert not ran.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"args": ["eks", "get-token", "--region", "eu-west-1"]}, "no --cluster-name"),
        ({"args": ["eks", "get-token", "--cluster-name", "ml"]}, "no --region"),
        ({"args": [*GET_TOKEN["args"], "--profile", "production"]}, "--profile"),
        ({"args": [*GET_TOKEN["args"], "--endpoint-url=https://eks.example.com"]}, "--endpoint-url"),
        ({"args": ["eks", "update-kubeconfig", "--name", "ml"]}, "understands `aws eks get-token`"),
        ({"command": "aws-iam-authenticator"}, "understands `aws eks get-token`"),
        ({"env": [{"name": "AWS_PROFILE", "value": "production"}]}, "AWS_PROFILE"),
    ],
)
def test_a_token_that_would_need_other_credentials_is_refused(change: dict[str, Any], said: str) -> None:
    assert said in refused({"kubeconfig": kubeconfig({"exec": {**GET_TOKEN, **change}})})


@pytest.mark.parametrize(
    "key", ["client-certificate", "client-certificate-data", "auth-provider", "password", "tokenFile", "as"]
)
def test_credentials_that_arent_understood_are_refused(key: str) -> None:
    assert key in refused({"kubeconfig": kubeconfig({"token": "t", key: "x"})})


def test_a_proxy_is_refused() -> None:
    told = refused({"kubeconfig": kubeconfig(cluster={"proxy-url": "http://proxy.example.com"})})
    assert "goes through a proxy (http://proxy.example.com)" in told


def test_everything_wrong_with_a_kubeconfig_is_said_at_once() -> None:
    given = kubeconfig(
        {"exec": {**GET_TOKEN, "args": ["eks", "get-token"]}, "password": "x"}, cluster={"proxy-url": "p"}
    )
    told = refused({"kubeconfig": given})
    assert all(said in told for said in ("proxy", "password", "--cluster-name", "--region"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("users: []\nnot: [closed", "is no YAML"),
        ("nowhere/kubeconfig", "nowhere/kubeconfig: No such file"),
        ("a:b", "names several files"),
        ("file", "holds no clusters"),
        ("just text\nmore", "holds no clusters"),
    ],
)
def test_a_kubeconfig_that_cant_be_read_is_refused(given: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("just text")
    assert said in refused({"kubeconfig": given}, root=tmp_path)


def test_a_context_that_isnt_there_is_refused_with_those_that_are() -> None:
    assert "has no context 'y'; it has: x" in refused({"kubeconfig": kubeconfig(), "context": "y"})


def test_applying_at_the_clients_side_is_refused() -> None:
    assert "enableServerSideApply" in refused({"kubeconfig": kubeconfig(), "enableServerSideApply": "false"})
    assert "enableServerSideApply" in refused(
        {"kubeconfig": kubeconfig()}, {"PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY": "false"}
    )


def test_a_kubeconfig_is_read_as_text_and_from_the_projects_folder(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(kubeconfig())
    of_file = wanted({"kubeconfig": "kubeconfig"}, {}, tmp_path)
    of_variable = wanted({}, {"KUBECONFIG": "kubeconfig"}, tmp_path)
    assert of_file == of_variable == wanted({"kubeconfig": kubeconfig()}, {}, Path())
    assert (of_file.server, of_file.token, of_file.namespace) == ("https://127.0.0.1:1", "t", "team-a")


def test_a_token_of_eks_is_understood_with_its_role_and_its_region() -> None:
    role = "arn:aws:iam::123456789012:role/deployer"
    with_role = {**GET_TOKEN, "args": [*GET_TOKEN["args"], "--role-arn", role]}
    assert wanted({"kubeconfig": kubeconfig({"exec": with_role})}, {}, Path()).eks == EksToken("ml", "eu-west-1", role)
    by_variable = {"command": "/usr/local/bin/aws", "args": ["eks", "get-token", "--cluster-name=ml"]}
    environment = {"AWS_REGION": "eu-west-2"}
    assert wanted({"kubeconfig": kubeconfig({"exec": by_variable})}, environment, Path()).eks == EksToken(
        "ml", "eu-west-2", ""
    )


def test_a_provider_is_only_replaced_by_one_of_another_cluster(tmp_path: Path) -> None:
    servicer = KubernetesServicer(Greeting("kubernetes", folder=str(tmp_path)), Places(tmp_path))
    here, there = {"kubeconfig": kubeconfig()}, {"kubeconfig": kubeconfig(server="https://127.0.0.1:2")}
    other_token = {"kubeconfig": kubeconfig({"token": "other"})}
    assert server_of(here, tmp_path) == "https://127.0.0.1:1"
    assert servicer.replacing(here, there, ["kubeconfig"]) == ["kubeconfig"]
    assert servicer.replacing(here, other_token, ["kubeconfig"]) == []
    named = {**there, "clusterIdentifier": "one"}
    assert servicer.replacing({**here, "clusterIdentifier": "one"}, named, ["kubeconfig"]) == []
    assert servicer.replacing({**here, "clusterIdentifier": "two"}, named, ["clusterIdentifier", "kubeconfig"]) == [
        "clusterIdentifier"
    ]
