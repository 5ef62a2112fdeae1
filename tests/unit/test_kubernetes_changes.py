"""What the sandbox's provider of Kubernetes calls a change, a drift, and a reason for a new object."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from modelyard.core.wire import UNKNOWN
from modelyard_sandbox.kubernetes.provider import objects
from modelyard_sandbox.kubernetes.provider.changes import Mutable, Tried, differences
from modelyard_sandbox.kubernetes.provider.cluster import Cause, Kind
from modelyard_sandbox.plugins.answers import Difference
from modelyard_sandbox.plugins.values import is_secret, secret

URN = "urn:pulumi:dev::team::kubernetes:core/v1:ConfigMap::settings"
TOKEN = "kubernetes:core/v1:ConfigMap"
MAPS = Kind("v1", "ConfigMap", "configmaps", namespaced=True)


def an_object(api_version: str = "v1", kind: str = "ConfigMap", name: str = "settings", **more: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "team-a"}, **more}


def nobody_asks() -> Tried:
    raise AssertionError("the server was asked about what can't have changed")


def changed(old: dict[str, Any], new: dict[str, Any], tried: Tried | None = None, **how: Any) -> Difference:
    before = how.pop("before", old)
    return differences(old, new, before, (lambda: tried) if tried else Tried, **how)


def test_where_inputs_are_the_same_the_server_isnt_asked() -> None:
    given = an_object(data={"a": "b"})
    assert differences(given, copy.deepcopy(given), given, nobody_asks) == Difference()


def test_what_the_server_would_store_as_it_is_is_no_change() -> None:
    old, new = (
        an_object("v1", "LimitRange", spec={"cpu": cpu, "memory": memory})
        for cpu, memory in (("1", "1Gi"), ("1000m", "2Gi"))
    )
    stored = an_object("v1", "LimitRange", spec={"cpu": "1", "memory": "2Gi"})
    found = changed(old, new, Tried(stored), before=old)
    assert dict(found.paths) == {"spec.memory": "update"}


def test_a_field_that_another_manager_keeps_doesnt_go_with_ours() -> None:
    old, new = an_object(data={"ours": "1", "shared": "2"}), an_object(data={"ours": "1"})
    kept = an_object(data={"ours": "1", "shared": "2"})
    assert not changed(old, new, Tried(kept)).changed
    assert dict(changed(old, new, Tried(new)).paths) == {"data.shared": "delete"}


def test_what_the_server_never_shows_is_a_change_where_inputs_differ() -> None:
    old, new = an_object("v1", "Thing", writeOnly="1"), an_object("v1", "Thing", writeOnly="2")
    shown = an_object("v1", "Thing")
    assert changed(old, new, Tried(shown), before=shown).changed == {"writeOnly"}


@pytest.mark.parametrize(
    ("api_version", "kind", "old", "new", "replaces"),
    [
        ("v1", "ConfigMap", {"data": {"a": "1"}}, {"data": {"a": "2"}}, True),
        ("v1", "Secret", {"data": {"a": "1"}}, {"data": {"a": "2"}}, True),
        ("v1", "Secret", {"type": "Opaque"}, {"type": "kubernetes.io/tls"}, True),
        ("v1", "Service", {"spec": {"clusterIP": "None"}}, {"spec": {"clusterIP": "10.0.0.9"}}, True),
        ("v1", "Service", {"spec": {"type": "ClusterIP"}}, {"spec": {"type": "NodePort"}}, False),
        ("v1", "PersistentVolumeClaim", {"spec": {"volumeName": "a"}}, {"spec": {"volumeName": "b"}}, True),
        ("v1", "Pod", {"spec": {"containers": [{"image": "a"}]}}, {"spec": {"containers": [{"image": "b"}]}}, True),
        ("v1", "ServiceAccount", {"secrets": []}, {"secrets": [{"name": "a"}]}, False),
        ("apps/v1", "Deployment", {"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}, False),
        ("apps/v1", "Deployment", {"spec": {"selector": {"a": "1"}}}, {"spec": {"selector": {"a": "2"}}}, True),
        ("apps/v1", "StatefulSet", {"spec": {"serviceName": "a"}}, {"spec": {"serviceName": "b"}}, True),
        ("batch/v1", "Job", {"spec": {"template": {"a": "1"}}}, {"spec": {"template": {"a": "2"}}}, True),
        ("batch/v1", "Job", {"spec": {"suspend": True}}, {"spec": {"suspend": False}}, False),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", {"roleRef": {"name": "a"}}, {"roleRef": {"name": "b"}}, True),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", {"subjects": []}, {"subjects": [{"name": "b"}]}, False),
        ("storage.k8s.io/v1", "StorageClass", {"parameters": {"type": "gp2"}}, {"parameters": {"type": "gp3"}}, True),
    ],
)
def test_what_cant_be_changed_in_place_makes_a_new_object(
    api_version: str, kind: str, old: dict[str, Any], new: dict[str, Any], replaces: bool
) -> None:
    found = changed(an_object(api_version, kind, **old), an_object(api_version, kind, **new))
    assert found.changed
    assert bool(found.replaces) is replaces
    assert found.delete_first is replaces, "the new one has the old one's name"


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("spec.flavors", "Invalid value: field is immutable"),
        ("spec.flavors[0].name", 'Invalid value: "x": may not be changed'),
        ("spec", "Forbidden: updates to parameters are forbidden."),
        ("spec.tags[team]", "Invalid value: cannot be changed"),
        ("", "Invalid value: immutable"),
    ],
)
def test_what_the_server_calls_immutable_makes_a_new_object(field: str, message: str) -> None:
    old, new = (an_object("k.io/v1", "Pool", spec={"flavors": [{"name": name}]}) for name in ("a", "b"))
    tried = Tried(causes=(Cause(field, message),))
    assert changed(old, new, tried).replaces == {"spec.flavors[0].name"}


def test_a_change_that_the_server_refuses_for_another_reason_makes_no_new_object() -> None:
    old, new = an_object("k.io/v1", "Pool", spec={"size": 1}), an_object("k.io/v1", "Pool", spec={"size": -1})
    tried = Tried(causes=(Cause("spec.size", "Invalid value: -1: should be greater than 0"),))
    assert not changed(old, new, tried).replaces


def test_another_name_or_namespace_is_another_object_which_may_come_first() -> None:
    moved = an_object(name="other")
    found = changed(an_object(), moved)
    assert found.replaces == {"metadata.name"}
    assert not found.delete_first


def test_a_config_map_is_changed_in_place_where_the_provider_is_told_so() -> None:
    old, new = an_object(data={"a": "1"}), an_object(data={"a": "2"})
    assert not changed(old, new, mutable=Mutable(config_maps=True)).replaces
    fixed = {**new, "immutable": True}
    assert changed({**old, "immutable": True}, fixed, mutable=Mutable(config_maps=True)).replaces


def test_a_named_successor_waits_and_an_automatically_named_one_doesnt() -> None:
    old, new = an_object(data={"a": "1"}), an_object(data={"a": "2"})
    assert changed(old, new).delete_first
    new["metadata"]["annotations"] = {objects.AUTONAMED: "true"}
    assert not changed(old, new).delete_first


def test_ignored_changes_are_none() -> None:
    old, new = an_object(data={"a": "1"}), an_object(data={"a": "2"})
    assert not changed(old, new, ignored=["data"]).changed


def test_what_isnt_known_yet_is_a_change_and_the_server_isnt_asked() -> None:
    found = differences(an_object(data={"a": "1"}), an_object(data={"a": UNKNOWN}), {}, nobody_asks)
    assert dict(found.paths) == {"data.a": "update"}


def test_an_object_without_a_name_gets_one_and_keeps_it() -> None:
    first = objects.completed(URN, {}, {"data": {"a": "1"}}, TOKEN, b"seed")
    assert first["metadata"]["name"].startswith("settings-")
    assert objects.completed(URN, {}, {}, TOKEN, b"seed")["metadata"] == first["metadata"], "the seed decides"
    assert objects.completed(URN, first, {}, TOKEN, b"other")["metadata"] == first["metadata"]
    named = {"metadata": {"name": "mine"}}
    assert objects.completed(URN, named, {}, TOKEN, b"seed")["metadata"]["name"] == first["metadata"]["name"]
    prefixed = {"metadata": {"generateName": "mine-"}}
    assert objects.completed(URN, {}, prefixed, TOKEN, b"seed")["metadata"] == {"generateName": "mine-"}


def test_an_object_says_its_kind_although_the_program_doesnt() -> None:
    token = "kubernetes:rbac.authorization.k8s.io/v1:Role"
    made = objects.completed(URN, {}, {}, token, b"")
    assert (made["apiVersion"], made["kind"]) == ("rbac.authorization.k8s.io/v1", "Role")
    assert objects.completed(URN, {}, {}, TOKEN, b"")["apiVersion"] == "v1"


def test_texts_of_a_secret_are_applied_as_its_data_and_stay_secret() -> None:
    given = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "hush"}}
    kind = Kind("v1", "Secret", "secrets", namespaced=True)
    assert objects.wanted(given, kind, "team-a")["data"] == {"a": "aHVzaA=="}
    assert "stringData" not in objects.wanted(given, kind, "team-a")
    kept = objects.state({**given, "data": {"a": "aHVzaA=="}}, given, "m")
    assert is_secret(kept["data"]) and is_secret(kept["stringData"])


def test_what_is_secret_in_inputs_is_secret_in_the_state() -> None:
    given = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "s"},
        "data": {"a": secret("hush"), "b": "c"},
    }
    live = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s"}, "data": {"a": "hush", "b": "c"}}
    kept = objects.state(live, given, "m")
    assert kept["data"] == {"a": secret("hush"), "b": "c"}


def test_drift_is_what_changed_of_what_the_inputs_say() -> None:
    said = {"replicas": 1, "containers": [{"name": "a", "image": "x"}], "cpu": "1000m"}
    known = {"replicas": 1, "containers": [{"name": "a", "image": "x", "policy": "Always"}], "cpu": "1", "mode": "A"}
    assert objects.drifted(said, known, known) == said, "how the server writes a value is no drift"
    live = {**known, "containers": [{"name": "a", "image": "y", "policy": "Never"}], "mode": "B"}
    assert objects.drifted(said, known, live) == {**said, "containers": [{"name": "a", "image": "y"}]}
    gone = {key: value for key, value in known.items() if key != "replicas"}
    assert objects.drifted(said, known, gone) == {"containers": said["containers"], "cpu": "1000m"}
    two = [*known["containers"], {"name": "b", "image": "z"}]
    assert objects.drifted(said, known, {**known, "containers": two})["containers"] == [*said["containers"], two[1]]


def test_ids_are_those_of_pulumis_own_plugin() -> None:
    assert objects.identifier(an_object()) == "team-a/settings"
    assert objects.identifier({"metadata": {"name": "team-a"}}) == "team-a"
    assert objects.place("team-a/settings", MAPS, "other") == ("team-a", "settings")
    assert objects.place("settings", MAPS, "other") == ("other", "settings")
    assert objects.place("team-a", Kind("v1", "Namespace", "namespaces", namespaced=False), "other") == ("", "team-a")


def test_each_resource_has_a_field_manager_of_its_own_which_stays() -> None:
    own = objects.manager({}, {}, URN)
    assert own == objects.manager({}, {}, URN) != objects.manager({}, {}, f"{URN}-2")
    assert objects.manager({}, {objects.MANAGER: "first"}, URN) == "first"
    annotated = {"metadata": {"annotations": {objects.FIELD_MANAGER: "shared"}}}
    assert objects.manager(annotated, {objects.MANAGER: "first"}, URN) == "shared"


def test_a_property_path_is_followed_through_lists_and_quoted_keys() -> None:
    value = {"metadata": {"labels": {"app.kubernetes.io/name": "a"}}, "spec": {"c": [{"image": "x"}]}}
    assert objects.at(value, 'metadata.labels["app.kubernetes.io/name"]') == "a"
    assert objects.at(value, "spec.c[0].image") == "x"
    assert objects.at(value, "spec.c[1].image") is None
    objects.put(value, "spec.c[0].image", "y")
    objects.put(value, "spec.nothing[0].image", "y")
    assert value["spec"] == {"c": [{"image": "y"}]}
