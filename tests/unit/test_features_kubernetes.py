"""A Feast store on Kubernetes as a graph: its server can only read, its job fills, and nothing holds a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from ruamel.yaml import YAML
from tests.ground import ACCOUNT, OWNER, REGION, a_role, fraud, ground, known_keys, recording
from tests.unit.test_tracking_kubernetes import NAMESPACE, told

from modelyard.assess.graph import Graph
from modelyard.assess.policy.engine import judge
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings
from modelyard.build.features import KubernetesFeatures, KubernetesFeaturesSpec, feature_ways
from modelyard.core.component import Component
from modelyard.core.errors import InputError, SpecError
from modelyard.core.spec import SourceMap
from modelyard.foundation.tenancy import ServiceAccountRole

IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazzoned.com/ml-dev-fraud-feast@sha256:{'a' * 64}"
VALKEY = f"123456789012.dkr.ecr.eu-west-1.amazzoned.com/ml-dev-fraud-valkey@sha256:{'b' * 64}"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
VIEW: dict[str, Any] = {
    "owner": OWNER,
    "entity": [{"name": "customer_id"}],
    "event_time": "happened_at",
    "features": [{"name": "amount", "type": "float"}, {"name": "vip", "type": "boolean"}],
    "dataset": "transactions",
    "columns": {"amount": "paid"},
    "ttl_hours": 48,
}
PASSWORDS = {"reader": {"name": "redis-reader"}, "writer": {"name": "redis-writer"}}
REDIS: dict[str, Any] = {
    "kind": "redis",
    "address": "redis.cache.svc:6380",
    "passwords": PASSWORDS,
    "ca": {"name": "redis-ca", "key": "ca.crt"},
}
OWN: dict[str, Any] = {"kind": "own_redis", "image": VALKEY, "passwords": PASSWORDS, "tls": "redis-tls"}
COMPATIBLE: dict[str, Any] = {
    "kind": "compatible",
    "endpoint": "https://s3.store.acme.example",
    "bucket": "fraud-features",
    "prefix": "feast/",
    "access_key": {"name": "reads", "key": "id"},
    "secret_key": {"name": "reads", "key": "key"},
    "writer": {"access_key": {"name": "writes", "key": "id"}, "secret_key": {"name": "writes", "key": "key"}},
}
GIVEN: dict[str, Any] = {
    "image": IMAGE,
    "views": {"customer": VIEW},
    "online": REDIS,
    "kept": COMPATIBLE,
    "tls": "features-tls",
    "ways": {"reached_from": ["gateways"], "reaches": [{"cidr": "10.20.0.0/16", "ports": [443, 6380]}]},
}
CASES: dict[str, dict[str, Any]] = {
    "given": {"count": 2},
    "own": {"online": OWN},
    "zoned": {"online": {"kind": "dynamodb"}, "kept": {"kind": "lake"}},
}


def spec(**changes: Any) -> KubernetesFeaturesSpec:
    found = KubernetesFeaturesSpec.model_validate({**GIVEN, **changes})
    found.locate(SourceMap(""))
    return found


class Bare:
    """An account of a cluster that knows no AWS."""

    def __init__(self, name: str) -> None:
        self.namespace, self.service_account = NAMESPACE, name


def recorded(specs: Mapping[str, KubernetesFeaturesSpec], *, production: bool = False, **how: Any) -> Graph:
    context = fraud(production=production)

    def program() -> None:
        into = pulumi.ResourceOptions(providers={"kubernetes": kubernetes.Provider("cluster", kubeconfig="{}")})
        for name, given in specs.items():
            if given.kept.kind == "lake":
                on = ground(context, prefix=f"{name}-", keys=known_keys())
                accounts = {
                    each: ServiceAccountRole(
                        f"{name}-{each}", context=context, cluster="ml-dev", description=each, opts=into
                    )
                    for each in ("server", "worker")
                }
                made = KubernetesFeatures(name, given, context=context, lake=on.lake, opts=into, **accounts, **how)
                made.grant_write_history(a_role(f"{name}-computes"))
            else:
                KubernetesFeatures(
                    name, given, context=context, server=Bare("server"), worker=Bare("worker"), opts=into, **how
                )

    return recording(program)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recorded({name: spec(**changes) for name, changes in CASES.items()})


def only(graph: Graph, kind: str, name: str) -> Any:
    (found,) = [node for node in graph.of_type(kind) if node.name == name or node.name.startswith(f"{name}-")]
    return found


def pods(graph: Graph, name: str) -> dict[str, dict[str, Any]]:
    """The pods of a store: `server`, `clock` and `first`, and `redis` where it has one."""
    found = {
        "server": only(graph, "kubernetes:apps/v1:Deployment", name).properties["spec"]["template"]["spec"],
        "clock": only(graph, "kubernetes:batch/v1:CronJob", name).properties["spec"]["jobTemplate"]["spec"]["template"][
            "spec"
        ],
        "first": only(graph, "kubernetes:batch/v1:Job", name).properties["spec"]["template"]["spec"],
    }
    redis = [node for node in graph.of_type("kubernetes:apps/v1:StatefulSet") if node.name.startswith(f"{name}-")]
    for node in redis:
        found["redis"] = node.properties["spec"]["template"]["spec"]
    return found


def files(graph: Graph, name: str) -> tuple[dict[str, Any], str]:
    data = only(graph, "kubernetes:core/v1:ConfigMap", name).properties["data"]
    configuration = YAML(typ="safe", pure=True).load(data["feature_store.yaml"])  # pyright: ignore[reportUnknownMemberType]
    return configuration, data["definitions.py"]


def test_feast_finds_registry_history_and_online_values_where_the_file_says(graph: Graph):
    configuration, definitions = files(graph, "given")
    assert configuration["registry"]["path"] == "s3://fraud-features/feast/registry.db"
    assert configuration["online_store"] == {
        "type": "redis",
        "redis_type": "redis",
        "connection_string": "${MODELYARD_FEAST_REDIS}",
    }
    assert "path='s3://fraud-features/feast/transactions/'" in definitions
    assert "s3_endpoint_override='https://s3.store.acme.example'" in definitions
    assert "field_mapping={'paid': 'amount'}" in definitions and "ttl=timedelta(hours=48)" in definitions
    compile(definitions, "definitions.py", "exec")


def test_in_the_lake_the_registry_and_the_history_lie_in_their_zones(graph: Graph):
    configuration, definitions = files(graph, "zoned")
    assert re.fullmatch(
        r"s3://ml-dev-fraud-zoned-lake-artifacts-[^/]+/features/zoned/registry.db", configuration["registry"]["path"]
    )
    assert re.search(r"path='s3://ml-dev-fraud-zoned-lake-features-[^/]+/zoned/transactions/'", definitions)
    assert configuration["online_store"]["table_name_template"] == "ml-dev-fraud-zoned.{table_name}"
    (table,) = [node.properties["name"] for node in graph.of_type("aws:dynamodb/table:Table")]
    assert re.fullmatch(r"ml-dev-fraud-zoned\.customer_v1_[0-9][a-z2-7]{4}", table)


def test_pods_take_changed_files_by_another_name(graph: Graph):
    names = {
        only(recorded({"store": given}), "kubernetes:core/v1:ConfigMap", "store").properties["metadata"]["name"]
        for given in (spec(), spec(views={"customer": {**VIEW, "ttl_hours": 24}}))
    }
    assert len(names) == 2
    config = only(graph, "kubernetes:core/v1:ConfigMap", "given").properties
    assert config["immutable"] is True
    for each in pods(graph, "given").values():
        (volume,) = [volume for volume in each["volumes"] if volume["name"] == "repository"]
        assert volume["configMap"]["name"] == config["metadata"]["name"]


def test_the_server_comes_as_who_can_only_read_and_the_job_as_who_writes(graph: Graph):
    found = pods(graph, "given")
    server, job = (told(found[part]["containers"][0]) for part in ("server", "clock"))
    assert server["REDIS_PASSWORD"] == ("redis-reader", "value")
    assert "username=reader,password=$(REDIS_PASSWORD)" in server["MODELYARD_FEAST_REDIS"]
    assert job["REDIS_PASSWORD"] == ("redis-writer", "value") and "username=writer" in job["MODELYARD_FEAST_REDIS"]
    assert server["AWS_ACCESS_KEY_ID"] == ("reads", "id") and job["AWS_ACCESS_KEY_ID"] == ("writes", "id")
    assert all("ssl=true" in each["MODELYARD_FEAST_REDIS"] for each in (server, job)), "never unencrypted"
    assert found["server"]["serviceAccountName"] == "server" and found["clock"]["serviceAccountName"] == "worker"


def test_on_aws_the_servers_role_writes_nothing(graph: Graph):
    def allowed(role: str) -> set[str]:
        documents = [
            json.loads(node.properties["policy"])
            for node in graph.of_type("aws:iam/rolePolicy:RolePolicy")
            if node.name.startswith(f"zoned-{role}-identity")
        ]
        actions = [each["Action"] for document in documents for each in document["Statement"]]
        return {action for some in actions for action in (some if isinstance(some, list) else [some])}

    server, worker = allowed("server"), allowed("worker")
    assert "dynamodb:GetItem" in server and "dynamodb:BatchWriteItem" in worker
    assert not {action for action in server if re.search(r":(Put|Create|Delete|Update|BatchWrite)", action)}


def test_a_password_before_its_use_so_that_kubernetes_can_put_it_in(graph: Graph):
    names = [each["name"] for each in pods(graph, "own")["server"]["containers"][0]["env"]]
    assert names.index("REDIS_PASSWORD") < names.index("MODELYARD_FEAST_REDIS")


def test_its_own_valkey_takes_tls_and_two_users_alone_and_keeps_what_was_written(graph: Graph):
    described = pods(graph, "own")["redis"]
    command = described["containers"][0]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert (options["--port"], options["--tls-port"], options["--appendonly"]) == ("0", "6379", "yes")
    assert options["--maxmemory"] == "1536mb" and options["--maxmemory-policy"] == "noeviction"
    (users,) = described["initContainers"]
    script = users["command"][-1]
    assert "user default off" in script and "user reader on ~* -@all +@read" in script
    assert "redis-reader" not in script, "passwords come from variables"
    (claim,) = only(graph, "kubernetes:apps/v1:StatefulSet", "own").properties["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "5Gi"
    host = told(pods(graph, "own")["server"]["containers"][0])["MODELYARD_FEAST_REDIS"].partition(":")[0]
    services = [node.properties["metadata"]["name"] for node in graph.of_type("kubernetes:core/v1:Service")]
    assert host.removesuffix(f".{NAMESPACE}.svc.cluster.local") in services


def test_features_travel_encrypted_and_behind_no_door(graph: Graph):
    for name in CASES:
        (server,) = pods(graph, name)["server"]["containers"]
        assert server["args"][-4:] == ["--cert", "/tls/tls.crt", "--key", "/tls/tls.key"]
        assert server["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    assert {node.properties["spec"]["type"] for node in graph.of_type("kubernetes:core/v1:Service")} == {"ClusterIP"}


def test_named_namespaces_reach_servers_and_nobody_else_the_job_or_valkey_from_outside(graph: Graph):
    found = {
        node.name.removeprefix("own-"): node.properties["spec"]
        for node in graph.of_type(POLICY)
        if node.name.startswith("own-")
    }
    (way,) = found["server-ways"]["ingress"]
    assert len(way["from"]) == 2 and way["ports"][0]["port"] == 6566
    assert found["job-ways"].get("ingress", []) == []
    (way,) = found["redis-ways"]["ingress"]
    assert way["from"] == [{"podSelector": {}}] and way["ports"][0]["port"] == 6379


def test_behind_a_fence_the_platform_makes_the_policies_and_the_team_none():
    class Platform(Component):
        CAPABILITY = "tenancy"

    def program() -> None:
        platform = Platform("space", None, context=fraud(production=False))
        feature_ways(platform, spec().ways, store="store", namespace=NAMESPACE, redis=True)

    theirs = {each.properties["spec"]["podSelector"]["matchLabels"]["modelyard.dev/features-part"]
              for each in recording(program).of_type(POLICY)}  # fmt: skip
    assert theirs == {"server", "job", "redis"}
    assert not recorded({"store": spec(online=OWN)}, fenced=True).of_type(POLICY)


def test_a_new_definition_is_filled_at_once_and_then_by_the_clock(graph: Graph):
    first, clock = (only(graph, f"kubernetes:batch/v1:{kind}", "given") for kind in ("Job", "CronJob"))
    names = {
        only(recorded({"store": given}), "kubernetes:batch/v1:Job", "store").properties["metadata"]["name"]
        for given in (spec(), spec(views={"customer": {**VIEW, "ttl_hours": 24}}))
    }
    assert len(names) == 2, "a job is never changed, but followed by another"
    assert clock.properties["spec"]["concurrencyPolicy"] == "Forbid"
    assert clock.properties["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 3000
    assert first.urn in clock.dependencies


@pytest.mark.parametrize(("said", "queue"), [({}, "default"), ({"queue": "nightly"}, "nightly")])
def test_every_run_waits_in_a_queue_as_clusters_that_share_their_machines_want_it(said: dict[str, str], queue: str):
    graph = recorded({"store": spec(**said)})
    first, clock = (only(graph, f"kubernetes:batch/v1:{kind}", "store") for kind in ("Job", "CronJob"))
    for run in (first.properties, clock.properties["spec"]["jobTemplate"]):
        assert run["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == queue


def test_what_it_makes_breaks_none_of_our_rules(graph: Graph):
    around = Surroundings("prod", region=REGION, account=ACCOUNT, today=date(2026, 11, 22))
    judged = judge(graph, CATALOGUE, around)
    ours = {node.urn for node in graph.nodes if node.type.startswith("kubernetes:")}
    assert [(each.rule.id, each.problem) for each in judged.results if each.urn in ours] == []
    assert judged.asked["pss-restricted"] >= 10


def test_who_computes_features_may_put_them_where_the_job_takes_them(graph: Graph):
    (found,) = [
        json.loads(node.properties["insecureValue"])
        for node in graph.of_type("aws:ssm/parameter:Parameter")
        if node.name.startswith("zoned-computes-")
    ]
    (where,) = found["addresses"]
    assert where["name"] == "zoned-transactions" and where["prefix"] == "zoned/transactions/"


@pytest.mark.parametrize("changes", [{}, {"datasets": ["others"]}])
def test_a_grant_on_what_aws_does_not_keep_is_refused(changes: dict[str, Any]):
    def program() -> None:
        made = KubernetesFeatures(
            "store", spec(), context=fraud(production=False), server=Bare("server"), worker=Bare("worker")
        )
        made.grant_write_history(a_role("computes"), **changes)

    with pytest.raises(InputError):
        recording(program)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image": "feast:latest"}, "image: got 'feast:latest'; can change behind its name"),
        ({"online": {**OWN, "image": "valkey:8"}}, "online.image: got 'valkey:8'; can change"),
        ({"views": {"customer": {**VIEW, "schedule": "rate(1 hour)"}}}, "views.customer.schedule: is the job's"),
        ({"views": {"customer": {**VIEW, "online": False, "ttl_hours": None}}}, "views.customer.online: got False"),
    ],
)
def test_a_faulty_store_is_refused_with_what_to_do(changes: dict[str, Any], said: str):
    (fault,) = spec(**changes).all_faults()
    assert said in str(fault) and fault.remedy


def test_all_faults_of_a_place_are_told_at_once_and_nothing_is_made():
    bad = spec(online={"kind": "dynamodb"}, image="feast")
    with pytest.raises(SpecError) as refusal:
        recorded({"store": bad}, production=True)
    said = [str(fault) for fault in refusal.value.faults]
    assert len(said) == 3 and any("online.kind: got 'dynamodb'; is AWS's" in each for each in said)


def test_the_pages_examples_hold():
    page = (Path(__file__).parents[2] / "docs" / "features-on-kubernetes.md").read_text("utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert examples
    for example in examples:
        exec(example, {})
