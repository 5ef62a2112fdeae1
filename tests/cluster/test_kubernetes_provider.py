"""The sandbox's provider of Kubernetes against a real API server: from a preview to the end of each object."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.cluster import provided
from tests.cluster.provided import Resource

from modelyard.core.wire import UNKNOWN
from modelyard_sandbox.kubernetes import client
from modelyard_sandbox.kubernetes.provider.provider import KubernetesProvider
from modelyard_sandbox.kubernetes.server import Cluster
from modelyard_sandbox.plugins.answers import ProviderError
from modelyard_sandbox.plugins.values import is_secret, plain, secret

MAP, SECRET, NAMESPACE = (f"kubernetes:core/v1:{kind}" for kind in ("ConfigMap", "Secret", "Namespace"))
DEPLOYMENT, JOB = "kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:Job"
DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
TEMPLATE = {
    "metadata": {"labels": {"app": "a"}},
    "spec": {"containers": [{"name": "c", "image": "x:1", "resources": {"limits": {"cpu": "1000m"}}}]},
}


@pytest.fixture(scope="module")
def provider(api_server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> KubernetesProvider:
    return provided.provider(tmp_path_factory.mktemp("project"), api_server.kubeconfig)


@pytest.fixture
def namespace(api_server: Cluster) -> str:
    """A namespace of the test's own, which goes with the server: to delete one takes seconds."""
    name = f"provided-{uuid4().hex[:8]}"
    by_hand(api_server, f"/api/v1/namespaces/{name}", "Namespace", {})
    return name


@pytest.fixture
def settings(provider: KubernetesProvider, namespace: str) -> Resource:
    return Resource(provider, MAP, namespace)


def a_map(namespace: str, **data: Any) -> dict[str, Any]:
    return {"metadata": {"name": "settings", "namespace": namespace, "labels": {"app": "a"}}, "data": data}


def a_deployment(namespace: str, **spec: Any) -> dict[str, Any]:
    wanted = {"replicas": 1, "selector": {"matchLabels": {"app": "a"}}, "template": TEMPLATE, **spec}
    return {"metadata": {"name": "d", "namespace": namespace}, "spec": wanted}


def by_hand(api_server: Cluster, path: str, kind: str, body: dict[str, Any], api_version: str = "v1") -> None:
    """Change an object as somebody else does who takes what he changes."""
    name = path.rpartition("/")[2]
    wanted = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **body}
    client.apply(client.connected(api_server.kubeconfig), path, wanted, "somebody")


def test_an_object_is_made_as_its_preview_says_and_stays_as_it_is(settings: Resource) -> None:
    given = a_map(settings.name, a="1")
    foreseen = settings.preview(given)
    assert foreseen["metadata"]["uid"] == UNKNOWN, "the server decides it later"
    assert settings.provider.read(MAP, f"{settings.name}/settings", settings.urn, {}, {}) is None

    made = settings.create(given)
    assert settings.id == f"{settings.name}/settings"
    assert made["data"] == {"a": "1"} and made["metadata"]["uid"]
    assert not settings.diff(given).changed
    before = settings.inputs
    assert settings.refresh() and settings.inputs == before


def test_what_the_server_fills_in_or_writes_otherwise_is_never_a_change(
    provider: KubernetesProvider, namespace: str
) -> None:
    work = Resource(provider, DEPLOYMENT)
    work.create(a_deployment(namespace))
    container = work.state["spec"]["template"]["spec"]["containers"][0]
    assert container["imagePullPolicy"] == "IfNotPresent", "the server fills it in"
    assert container["resources"]["limits"]["cpu"] == "1", "the server writes it so"
    assert not work.diff(a_deployment(namespace)).changed
    template = {
        **TEMPLATE,
        "spec": {"containers": [{**TEMPLATE["spec"]["containers"][0], "resources": {"limits": {"cpu": 1}}}]},
    }
    assert not work.diff(a_deployment(namespace, template=template)).changed
    work.refresh()
    assert not work.diff(a_deployment(namespace)).changed


def test_an_object_is_changed_in_place_and_says_where(provider: KubernetesProvider, namespace: str) -> None:
    work = Resource(provider, DEPLOYMENT)
    made = work.create(a_deployment(namespace))
    bigger = a_deployment(namespace, replicas=3)
    found = work.diff(bigger)
    assert (dict(found.paths), found.replaces) == ({"spec.replicas": "update"}, frozenset())
    assert work.update(bigger, preview=True)["spec"]["replicas"] == 3
    assert not work.diff(a_deployment(namespace)).changed, "a preview changes nothing"
    assert work.update(bigger)["metadata"]["uid"] == made["metadata"]["uid"]
    assert not work.diff(bigger).changed


def test_what_is_left_out_goes_from_the_object(settings: Resource) -> None:
    settings.create(a_map(settings.name, a="1"))
    without = a_map(settings.name, a="1")
    del without["metadata"]["labels"]
    assert dict(settings.diff(without).paths) == {"metadata.labels": "delete"}
    assert "labels" not in settings.update(without)["metadata"]


def test_what_the_server_wont_change_is_replaced(provider: KubernetesProvider, namespace: str) -> None:
    work = Resource(provider, DEPLOYMENT)
    work.create(a_deployment(namespace))
    other = {"matchLabels": {"app": "b"}}
    labelled = {**TEMPLATE, "metadata": {"labels": {"app": "b"}}}
    found = work.diff(a_deployment(namespace, selector=other, template=labelled))
    assert found.replaces == {"spec.selector.matchLabels.app"}
    assert found.delete_first


def test_a_definition_is_served_when_it_is_made_and_its_immutable_field_replaces(provider: KubernetesProvider) -> None:
    definition = Resource(provider, DEFINITION)
    rule = {"rule": "self == oldSelf", "message": "size is immutable"}
    size = {"type": "integer", "x-kubernetes-validations": [rule]}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": size}}}}
    spec = {
        "group": "provider.test",
        "scope": "Cluster",
        "names": {"kind": "Pool", "plural": "pools"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
    }
    pool = Resource(provider, "kubernetes:provider.test/v1:Pool")
    given = {"metadata": {"name": "gpu"}, "spec": {"size": 1}}
    assert pool.preview(given)["spec"] == {"size": 1}, "its definition may come with the same preview"
    with pytest.raises(ProviderError, match="knows no Pool of provider.test/v1; let it depend on what installs"):
        pool.create(given)
    definition.create({"metadata": {"name": "pools.provider.test"}, "spec": spec})
    try:
        with pytest.raises(ProviderError, match="unknown field 'spec.sise'"):
            pool.preview({"metadata": {"name": "gpu"}, "spec": {"sise": 1}})
        pool.create(given)
        assert pool.id == "gpu"
        assert pool.diff({"metadata": {"name": "gpu"}, "spec": {"size": 2}}).replaces == {"spec.size"}
    finally:
        definition.delete()
    pool.delete()
    assert pool.refresh() is None, "it went with its definition"


def test_drift_is_shown_and_put_right(settings: Resource, api_server: Cluster) -> None:
    given = a_map(settings.name, a="1", b="2")
    given["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    settings.create(given)
    path = f"/api/v1/namespaces/{settings.name}/configmaps/settings"
    by_hand(api_server, path, "ConfigMap", {"data": {"a": "drifted", "theirs": "3"}})
    settings.refresh()
    assert settings.inputs["data"] == {"a": "drifted", "b": "2"}, "what others added is theirs"
    assert dict(settings.diff(given).paths) == {"data.a": "update"}
    assert settings.update(given)["data"] == {"a": "1", "b": "2", "theirs": "3"}
    assert not settings.diff(given).changed


def test_an_object_that_somebody_deleted_is_gone_after_a_refresh(settings: Resource) -> None:
    settings.create(a_map(settings.name, a="1"))
    Resource(settings.provider, MAP, id=settings.id).delete()
    assert settings.refresh() is None
    settings.delete()


def test_a_field_of_another_manager_isnt_taken_over_unasked(settings: Resource, api_server: Cluster) -> None:
    settings.create(a_map(settings.name, a="1"))
    path = f"/api/v1/namespaces/{settings.name}/configmaps/settings"
    by_hand(api_server, path, "ConfigMap", {"data": {"a": "theirs"}})
    with pytest.raises(ProviderError, match=r'conflict with "somebody".*\.data\.a.*pulumi\.com/patchForce'):
        settings.update(a_map(settings.name, a="ours"))
    assert settings.update(a_map(settings.name, a="ours", b="2"), "data.a")["data"] == {"a": "theirs", "b": "2"}
    taken = a_map(settings.name, a="ours", b="2")
    taken["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    assert settings.update(taken)["data"] == {"a": "ours", "b": "2"}


def test_an_object_that_exists_is_imported_and_not_made_again(settings: Resource, api_server: Cluster) -> None:
    path = f"/apis/apps/v1/namespaces/{settings.name}/deployments/d"
    given = a_deployment(settings.name)
    by_hand(api_server, path, "Deployment", {"spec": given["spec"]}, "apps/v1")
    work = Resource(settings.provider, DEPLOYMENT)
    assert work.preview(given)["spec"]["replicas"] == 1
    with pytest.raises(ProviderError, match=f"{settings.name}/d exists already; import it"):
        work.create(given)
    work.adopt(f"{settings.name}/d")
    assert not work.diff(given).changed, "what the server filled in is no part of it"
    assert dict(work.diff(a_deployment(settings.name, replicas=2)).paths) == {"spec.replicas": "update"}


def test_an_object_that_exists_is_adopted_where_the_provider_is_told_so(
    api_server: Cluster, namespace: str, tmp_path: Path
) -> None:
    by_hand(api_server, f"/api/v1/namespaces/{namespace}/configmaps/settings", "ConfigMap", {"data": {"a": "1"}})
    adopting = provided.provider(tmp_path, api_server.kubeconfig, upsertExistingObjects="true")
    assert Resource(adopting, MAP).create(a_map(namespace, a="1", b="2"))["data"] == {"a": "1", "b": "2"}


def test_a_secret_stays_one_and_loses_the_texts_that_are_left_out(provider: KubernetesProvider, namespace: str) -> None:
    token = Resource(provider, SECRET)
    given = {"metadata": {"name": "s", "namespace": namespace}, "stringData": {"a": secret("hush"), "b": "low"}}
    made = token.create(given)
    assert is_secret(made["data"]) and is_secret(made["stringData"])
    assert plain(made["data"]) == {"a": base64.b64encode(b"hush").decode(), "b": base64.b64encode(b"low").decode()}
    assert not token.diff(given).changed
    before = token.inputs
    assert token.refresh() and token.inputs == before
    less = {**given, "stringData": {"a": secret("hush")}}
    assert token.diff(less).changed == {"data"}
    assert set(plain(token.update(less)["data"])) == {"a"}


def test_what_isnt_known_yet_stays_unknown_in_a_preview(settings: Resource) -> None:
    given = a_map(settings.name, a=UNKNOWN, b="2")
    foreseen = settings.preview(given)
    assert foreseen["data"] == {"a": UNKNOWN, "b": "2"}
    settings.create(a_map(settings.name, a="1", b="2"))
    assert dict(settings.diff(given).paths) == {"data.a": "update"}
    later = settings.update(given, preview=True)
    assert (later["data"], later["metadata"]["uid"]) == (given["data"], settings.state["metadata"]["uid"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"spec": {"replicas": 1, "replica": 2}}, "unknown field 'spec.replica'"),
        ({"spec": {"template": {}}}, "spec.selector: Required value"),
    ],
)
def test_what_the_server_refuses_is_refused_in_the_preview_though_its_namespace_comes_with_it(
    provider: KubernetesProvider, namespace: str, change: dict[str, Any], said: str
) -> None:
    for place in (namespace, "not-made-yet"):
        with pytest.raises(ProviderError, match=said):
            Resource(provider, DEPLOYMENT).preview({"metadata": {"name": "d", "namespace": place}, **change})
    assert Resource(provider, DEPLOYMENT).preview(a_deployment("not-made-yet"))["spec"]["replicas"] == 1


def test_an_object_in_a_namespace_that_isnt_there_is_refused(provider: KubernetesProvider) -> None:
    with pytest.raises(ProviderError, match='NotFound: namespaces "nowhere" not found'):
        Resource(provider, MAP).create(a_map("nowhere"))


def test_an_object_without_a_name_or_a_namespace_gets_both(api_server: Cluster, namespace: str, tmp_path: Path) -> None:
    at_home = provided.provider(tmp_path, api_server.kubeconfig, namespace=namespace)
    auto = Resource(at_home, MAP, "settings")
    made = auto.create({"data": {"a": "1"}})
    assert auto.id == f"{namespace}/{made['metadata']['name']}"
    assert made["metadata"]["name"].startswith("settings-")
    assert not auto.diff({"data": {"a": "1"}}).changed
    successor = auto.diff({"data": {"a": "2"}})
    assert successor.replaces and not successor.delete_first

    named = Resource(at_home, MAP)
    state = named.create({"metadata": {"generateName": "of-the-server-"}, "data": {}})
    assert state["metadata"]["name"].startswith("of-the-server-")
    assert not named.diff({"metadata": {"generateName": "of-the-server-"}, "data": {}}).changed


def test_a_namespace_is_deleted_with_all_that_is_in_it(provider: KubernetesProvider) -> None:
    space = Resource(provider, NAMESPACE)
    space.create({"metadata": {"name": "whole"}})
    inside = Resource(provider, MAP)
    inside.create(a_map("whole", a="1"))
    space.delete()
    assert space.refresh() is None
    assert inside.refresh() is None


def test_a_deletion_that_somebody_holds_up_says_who(settings: Resource) -> None:
    held = a_map(settings.name, a="1")
    held["metadata"]["finalizers"] = ["modelyard.dev/held"]
    settings.create(held)
    with pytest.raises(ProviderError, match="isn't gone after 1 s; it is held by modelyard.dev/held"):
        settings.delete(patience=1)
    settings.update(a_map(settings.name, a="1"))
    settings.delete()
    assert settings.refresh() is None


def test_what_the_server_warns_of_is_told(
    provider: KubernetesProvider, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    space = {"metadata": {"labels": {"pod-security.kubernetes.io/warn": "restricted"}}}
    Resource(provider, DEPLOYMENT).create(a_deployment(namespace))
    assert "violate PodSecurity" not in caplog.text
    labelled = Resource(provider, NAMESPACE)
    labelled.adopt(namespace)
    labelled.update({"metadata": {"name": namespace, **space["metadata"]}})
    Resource(provider, DEPLOYMENT).create(
        {**a_deployment(namespace), "metadata": {"name": "e", "namespace": namespace}}
    )
    assert "violate PodSecurity" in caplog.text


def test_a_run_that_is_cancelled_waits_for_nothing(api_server: Cluster, namespace: str, tmp_path: Path) -> None:
    cancelled = provided.servicer(tmp_path, api_server.kubeconfig)
    run = cancelled.configured({"kubeconfig": str(api_server.kubeconfig)})
    held = a_map(namespace, a="1")
    held["metadata"]["finalizers"] = ["modelyard.dev/held"]
    settings = Resource(run, MAP)
    settings.create(held)
    cancelled.Cancel(None, None)
    with pytest.raises(ProviderError, match="gave up waiting; it is held by modelyard.dev/held"):
        settings.delete()
    settings.update(a_map(namespace, a="1"))


def test_a_contexts_namespace_is_that_of_objects_that_name_none(
    api_server: Cluster, namespace: str, tmp_path: Path
) -> None:
    document = json.loads(api_server.kubeconfig.read_text())
    document["contexts"][0]["context"]["namespace"] = namespace
    given = {"kubeconfig": json.dumps(document)}
    servicer = provided.servicer(tmp_path, api_server.kubeconfig)
    settings = Resource(servicer.configured(given), MAP)
    settings.create({"metadata": {"name": "settings"}})
    assert settings.id == f"{namespace}/settings"
    told = Resource(servicer.configured({**given, "namespace": "default"}), MAP)
    assert told.checked({"metadata": {"name": "settings"}})["metadata"]["namespace"] == "default"


def test_a_server_that_ended_says_how_to_start_it(api_server: Cluster, tmp_path: Path) -> None:
    gone = tmp_path / "kubeconfig"
    gone.write_text(api_server.kubeconfig.read_text().replace(api_server.address, "https://127.0.0.1:1"))
    with pytest.raises(ProviderError, match="doesn't answer.*yard sandbox start --kubernetes"):
        Resource(provided.provider(tmp_path, gone), MAP).create(a_map("default"))
