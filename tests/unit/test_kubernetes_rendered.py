"""Objects of Kubernetes where no API server is to be had: checked by published schemas, and written to a folder."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from modelyard_sandbox.kubernetes.provider.provider import KubernetesProvider
from modelyard_sandbox.kubernetes.provider.servicer import KubernetesServicer
from modelyard_sandbox.places import Places
from modelyard_sandbox.plugins.answers import ProviderError
from modelyard_sandbox.plugins.greeting import Greeting

URN = "urn:pulumi:dev::team::{token}::{name}"
MAP, QUOTA = "kubernetes:core/v1:ConfigMap", "kubernetes:core/v1:ResourceQuota"
DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
POOL = {
    "metadata": {"name": "pools.k.io"},
    "spec": {
        "group": "k.io",
        "scope": "Cluster",
        "names": {"kind": "Pool", "plural": "pools"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["size"],
                                "properties": {"size": {"type": "integer", "minimum": 1}},
                            }
                        },
                    }
                },
            }
        ],
    },
}


@pytest.fixture
def provider(tmp_path: Path) -> KubernetesProvider:
    servicer = KubernetesServicer(Greeting("kubernetes", folder=str(tmp_path)), Places(tmp_path))
    return servicer.configured({"renderYamlToDirectory": "manifests", "namespace": "team-a"})


def made(provider: KubernetesProvider, token: str, inputs: dict[str, Any], name: str = "it") -> tuple[str, Any, Any]:
    urn = URN.format(token=token, name=name)
    checked, refused = provider.check(token, urn, {}, inputs, b"seed")
    assert refused == []
    provider.create(token, urn, checked, preview=True)
    id, state = provider.create(token, urn, checked, preview=False)
    return id, checked, state


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*.yaml"))


def test_an_object_is_written_changed_and_deleted(provider: KubernetesProvider, tmp_path: Path) -> None:
    given = {"metadata": {"name": "settings"}, "data": {"a": "yes"}}
    id, inputs, state = made(provider, MAP, given)
    assert id == "team-a/settings"
    written = tmp_path / "manifests" / "1-manifest" / "v1-configmap-team-a-settings.yaml"
    assert YAML(typ="safe").load(written.read_text())["data"] == {"a": "yes"}
    assert stat.S_IMODE(written.stat().st_mode) == 0o600, "Secrets are written in plain text"

    assert not provider.diff(MAP, inputs, state, inputs).changed
    changed = {**inputs, "data": {"a": "no"}}
    assert provider.diff(MAP, inputs, state, changed).changed == {"data"}
    later = provider.update(MAP, id, URN.format(token=MAP, name="it"), inputs, state, changed, preview=False)
    found = provider.read(MAP, id, URN, changed, later)
    assert found is not None and found.inputs["data"] == {"a": "no"}

    provider.delete(MAP, id, URN, later)
    assert files(tmp_path) == []
    assert provider.read(MAP, id, URN, changed, later) is None


def test_a_preview_writes_nothing(provider: KubernetesProvider, tmp_path: Path) -> None:
    urn = URN.format(token=MAP, name="it")
    checked, _ = provider.check(MAP, urn, {}, {"data": {"a": "b"}}, b"")
    provider.create(MAP, urn, checked, preview=True)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("spec", "said"),
    [({"hardd": {"pods": "1"}}, "hardd"), ({"hard": {"pods": ["1"]}}, "spec.hard.pods")],
)
def test_what_kubernetes_schema_refuses_is_refused_in_the_preview(
    provider: KubernetesProvider, spec: dict[str, Any], said: str
) -> None:
    urn = URN.format(token=QUOTA, name="it")
    inputs, _ = provider.check(QUOTA, urn, {}, {"metadata": {"name": "q"}, "spec": spec}, b"")
    with pytest.raises(ProviderError, match="ResourceQuota 'q' is invalid") as raised:
        provider.create(QUOTA, urn, inputs, preview=True)
    assert said in str(raised.value)


def test_an_object_is_held_to_the_definition_that_was_written_before(
    provider: KubernetesProvider, tmp_path: Path
) -> None:
    made(provider, DEFINITION, POOL)
    assert files(tmp_path) == ["manifests/0-crd/apiextensions.k8s.io_v1-customresourcedefinition-pools.k.io.yaml"]
    token = "kubernetes:k.io/v1:Pool"
    id, _, _ = made(provider, token, {"metadata": {"name": "gpu"}, "spec": {"size": 2}})
    assert id == "gpu", "its definition says that it lies in no namespace"
    for spec, said in (({"size": 0}, "spec.size"), ({}, "size"), ({"size": 1, "sise": 2}, "sise")):
        urn = URN.format(token=token, name="it")
        inputs, _ = provider.check(token, urn, {}, {"metadata": {"name": "bad"}, "spec": spec}, b"")
        with pytest.raises(ProviderError, match=said):
            provider.create(token, urn, inputs, preview=True)


def test_a_kind_that_nobody_knows_is_written_with_a_warning(
    provider: KubernetesProvider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made(provider, "kubernetes:nobody.io/v1:Thing", {"metadata": {"name": "a", "namespace": "team-b"}})
    assert files(tmp_path) == ["manifests/1-manifest/nobody.io_v1-thing-team-b-a.yaml"]
    assert "aren't checked" in caplog.text


def test_an_object_that_wants_its_name_from_a_server_is_refused(provider: KubernetesProvider) -> None:
    urn = URN.format(token=MAP, name="it")
    inputs, _ = provider.check(MAP, urn, {}, {"metadata": {"generateName": "a-"}}, b"")
    with pytest.raises(ProviderError, match="only an API server chooses names"):
        provider.create(MAP, urn, inputs, preview=False)


@pytest.mark.parametrize("token", ["kubernetes:core/v1:ConfigMapPatch", "kubernetes:core/v1:ConfigMapList"])
def test_parts_and_lists_of_objects_are_refused(provider: KubernetesProvider, token: str) -> None:
    kind = token.rpartition(":")[2].removesuffix("Patch")
    _, refused = provider.check(token, URN, {}, {"apiVersion": "v1", "kind": kind}, b"")
    assert "whole objects" in refused[0].reason


def test_manifests_of_a_program_are_parsed_and_charts_arent_rendered(provider: KubernetesProvider) -> None:
    text = "kind: A\n---\nkind: B\nmetadata: {name: b}\n"
    decoded = provider.invoke("kubernetes:yaml:decode", {"text": text, "defaultNamespace": "n"})["result"]
    assert decoded == [
        {"kind": "A", "metadata": {"namespace": "n"}},
        {"kind": "B", "metadata": {"namespace": "n", "name": "b"}},
    ]
    with pytest.raises(ProviderError, match=r"renders no charts.*helm\.v3\.Release"):
        provider.invoke("kubernetes:helm:template", {})
