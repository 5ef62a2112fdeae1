"""The sandbox's API server decides as any other: readiness, callers, admission, controllers, and its own end."""

from __future__ import annotations

import json
import socket
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from kubernetes.client import (
    ApiClient,
    ApiException,
    AppsV1Api,
    Configuration,
    CoreV1Api,
    RbacAuthorizationV1Api,
    VersionApi,
)
from tests.cluster.waiting import until, until_gone

from modelyard_sandbox.kubernetes import client, server
from modelyard_sandbox.kubernetes.binaries import VERSION, Binaries
from modelyard_sandbox.kubernetes.server import Cluster

POD = {"containers": [{"name": "c", "image": "x:1"}]}


@pytest.fixture(scope="module")
def core(admin: ApiClient) -> Any:
    return CoreV1Api(admin)


def a_pod(name: str, **container: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "x:1", **container}]}}


def listening(cluster: Cluster) -> list[Any]:
    return [
        connection.laddr
        for process in cluster.processes
        for connection in psutil.Process(process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]


def refusal(act: Callable[[], object]) -> ApiException:
    with pytest.raises(ApiException) as refused:
        act()
    return refused.value


def said(refused: ApiException) -> str:
    return json.loads(refused.body or "{}")["message"]


def test_it_is_ready_once_it_has_started_and_tells_its_version(api_server: Cluster, admin: ApiClient) -> None:
    assert api_server.healthy()
    assert VersionApi(admin).get_code().git_version == f"v{VERSION}"


def test_it_listens_on_the_loopback_interface_only(api_server: Cluster) -> None:
    assert {address.ip for address in listening(api_server)} == {"127.0.0.1"}


def test_only_its_owner_reads_its_keys_and_tokens(api_server: Cluster) -> None:
    assert stat.S_IMODE(api_server.folder.stat().st_mode) == 0o700
    secrets = [api_server.kubeconfig, *api_server.folder.glob("token*"), *api_server.folder.glob("pki/*.key")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert len(secrets) == 5


def test_it_ends_and_leaves_no_process_no_port_and_no_file(programs: Binaries, tmp_path: Path) -> None:
    cluster = server.start(tmp_path / "cluster", programs, lambda name: tmp_path / f"{name}.log")
    ports = [address.port for address in listening(cluster)]
    assert len(ports) == 3, "etcd for its clients and for peers that it doesn't have, and the API server"

    cluster.stop()

    assert not any(process.running() for process in cluster.processes)
    for port in ports:
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", port))
    assert not cluster.folder.exists()
    assert not cluster.healthy()


def test_etcd_answers_nobody_without_a_certificate_of_the_clusters(api_server: Cluster) -> None:
    trusting = ssl.create_default_context(cafile=str(api_server.folder / "pki" / "ca.crt"))
    etcd = next(process for process in api_server.processes if process.name == server.ETCD)
    ports = [one.laddr.port for one in psutil.Process(etcd.pid).net_connections("inet") if one.status == "LISTEN"]
    for port in ports:
        plain = socket.create_connection(("127.0.0.1", port))
        with trusting.wrap_socket(plain, server_hostname="127.0.0.1") as stranger, pytest.raises(ssl.SSLError):
            stranger.sendall(b"GET /version HTTP/1.0\r\n\r\n")
            stranger.recv(4096)


def test_a_caller_who_isnt_known_is_refused(api_server: Cluster) -> None:
    settings: Any = Configuration()
    settings.host, settings.ssl_ca_cert = api_server.address, str(api_server.folder / "pki" / "ca.crt")
    with ApiClient(settings) as stranger:
        assert refusal(lambda: CoreV1Api(stranger).list_namespace()).status == 401


def test_a_field_that_the_schema_lacks_is_refused(admin: ApiClient, core: Any, fresh_namespace: str) -> None:
    wrong = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "dta": {}}
    path = f"/api/v1/namespaces/{fresh_namespace}/configmaps/settings"
    assert ".dta: field not declared in schema" in said(refusal(lambda: client.apply(admin, path, wrong, "test")))
    assert core.list_namespaced_config_map(fresh_namespace, field_selector="metadata.name=settings").items == []


def test_a_service_account_may_do_what_a_role_lets_it_and_nothing_else(
    api_server: Cluster, admin: ApiClient, core: Any, fresh_namespace: str
) -> None:
    core.create_namespaced_service_account(fresh_namespace, {"metadata": {"name": "trainer"}})
    token = core.create_namespaced_service_account_token("trainer", fresh_namespace, {"spec": {}}).status.token
    settings: Any = Configuration()
    settings.host, settings.ssl_ca_cert = api_server.address, str(api_server.folder / "pki" / "ca.crt")
    settings.api_key = {"BearerToken": f"Bearer {token}"}
    with ApiClient(settings) as trainer:
        own = CoreV1Api(trainer)
        refused = refusal(lambda: own.list_namespaced_pod(fresh_namespace))
        assert refused.status == 403
        assert f"system:serviceaccount:{fresh_namespace}:trainer" in said(refused)

        rights: Any = RbacAuthorizationV1Api(admin)
        rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
        rights.create_namespaced_role(fresh_namespace, {"metadata": {"name": "reads"}, "rules": rules})
        whom = {"kind": "ServiceAccount", "name": "trainer", "namespace": fresh_namespace}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reads"}
        bound = {"metadata": {"name": "reads"}, "subjects": [whom], "roleRef": role}
        rights.create_namespaced_role_binding(fresh_namespace, bound)

        assert own.list_namespaced_pod(fresh_namespace).items == []
        assert refusal(lambda: own.list_namespaced_secret(fresh_namespace)).status == 403


def test_pod_security_refuses_a_privileged_pod_where_the_namespace_is_restricted(
    core: Any, fresh_namespace: str
) -> None:
    privileged = a_pod("p", securityContext={"privileged": True})
    core.create_namespaced_pod(fresh_namespace, privileged, dry_run="All")
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    core.patch_namespace(fresh_namespace, {"metadata": {"labels": label}})

    refused = refusal(lambda: core.create_namespaced_pod(fresh_namespace, privileged))

    assert refused.status == 403
    assert 'violates PodSecurity "restricted:latest": privileged' in said(refused)


def test_a_quota_refuses_the_pod_that_is_too_many(core: Any, fresh_namespace: str) -> None:
    core.create_namespaced_resource_quota(
        fresh_namespace, {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}}
    )
    until(core.list_namespaced_resource_quota, lambda quota: bool(quota.status.hard), fresh_namespace)
    core.create_namespaced_pod(fresh_namespace, a_pod("first"))

    refused = refusal(lambda: core.create_namespaced_pod(fresh_namespace, a_pod("second")))

    assert refused.status == 403
    assert "exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1" in said(refused)


def test_a_limit_range_gives_a_container_its_limits(core: Any, fresh_namespace: str) -> None:
    limits = [{"type": "Container", "default": {"memory": "1Gi"}}]
    core.create_namespaced_limit_range(fresh_namespace, {"metadata": {"name": "usual"}, "spec": {"limits": limits}})
    made = core.create_namespaced_pod(fresh_namespace, a_pod("p"))
    assert made.spec.containers[0].resources.limits == {"memory": "1Gi"}


def test_what_an_owner_made_goes_with_it(admin: ApiClient, core: Any, fresh_namespace: str) -> None:
    apps: Any = AppsV1Api(admin)
    selector = {"matchLabels": {"app": "a"}}
    template = {"metadata": {"labels": {"app": "a"}}, "spec": POD}
    wanted = {"metadata": {"name": "d"}, "spec": {"replicas": 2, "selector": selector, "template": template}}
    apps.create_namespaced_deployment(fresh_namespace, wanted)
    until(apps.list_namespaced_deployment, lambda made: made.status.unavailable_replicas == 2, fresh_namespace)
    assert len(core.list_namespaced_pod(fresh_namespace).items) == 2

    delete = lambda: apps.delete_namespaced_deployment("d", fresh_namespace, propagation_policy="Foreground")  # noqa: E731
    until_gone(apps.list_namespaced_deployment, "d", delete, fresh_namespace)

    assert core.list_namespaced_pod(fresh_namespace).items == []


def test_a_namespace_goes_with_all_that_is_in_it(core: Any, fresh_namespace: str) -> None:
    core.create_namespaced_config_map(fresh_namespace, {"metadata": {"name": "settings"}})

    until_gone(core.list_namespace, fresh_namespace, lambda: core.delete_namespace(fresh_namespace))

    core.create_namespace({"metadata": {"name": fresh_namespace}})
    chosen = {"field_selector": "metadata.name=settings"}
    assert core.list_namespaced_config_map(fresh_namespace, **chosen).items == []
