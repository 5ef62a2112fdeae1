"""Teams share a cluster's GPUs: each has its own, what is idle is lent, and nobody asks for more than there is."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.fenced import POOLS, idling, shared
from tests.ground import PLATFORM

from modelyard.assess.graph import Graph
from modelyard.assess.policy.engine import judge
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings
from modelyard.core.document import load, parse
from modelyard.core.errors import SpecError
from modelyard.core.spec import Name, Spec
from modelyard.foundation.cluster import (
    ClusterQuotaSpec,
    PoolLimit,
    SharingSpec,
    kueue_values,
    quota_faults,
)
from modelyard.foundation.cluster.queues import PRIORITIES
from modelyard_jobs.idle import Settings

ROOT = Path(__file__).resolve().parents[2]
QUEUE = "kubernetes:kueue.x-k8s.io/v1beta2"
PRIORITY = "kubernetes:scheduling.k8s.io/v1:PriorityClass"


@pytest.fixture(scope="module")
def graph() -> Graph:
    return shared()


def spec_of(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = graph.named(f"queues-{name}")
    return dict(found.properties["spec"])


def quotas(graph: Graph, name: str) -> dict[tuple[str, str], dict[str, str]]:
    """What a queue says of each resource of each flavour."""
    return {
        (flavor["name"].removeprefix("ml-dev-platform-queues-"), resource["name"]): {
            key: value for key, value in resource.items() if key != "name"
        }
        for group in spec_of(graph, name)["resourceGroups"]
        for flavor in group["flavors"]
        for resource in flavor["resources"]
    }


def flavor(graph: Graph, pool: str) -> dict[str, Any]:
    (found,) = graph.named(f"queues-{pool}-flavor")
    return dict(found.properties)


def test_a_team_has_its_own_borrows_and_lends_as_it_said(graph: Graph):
    of_fraud = quotas(graph, "fraud-queue")
    assert of_fraud["pool-a100", "nvidia.com/gpu"] == {"nominalQuota": "8", "borrowingLimit": "4", "lendingLimit": "2"}
    of_churn = quotas(graph, "churn-queue")
    assert of_churn["pool-a100", "nvidia.com/gpu"] == {"nominalQuota": "4"}, "absent: all that there are, both ways"
    assert of_churn["pool-slices", "nvidia.com/mig-3g.40gb"] == {"nominalQuota": "2"}


def test_a_team_without_a_quota_of_a_pool_has_no_way_to_it(graph: Graph):
    assert {flavor for flavor, _ in quotas(graph, "churn-queue")} == {"machines", "pool-a100", "pool-slices"}


def test_cpus_and_memory_are_each_teams_own(graph: Graph):
    general = quotas(graph, "churn-queue")["machines", "cpu"]
    assert general == {"nominalQuota": "32", "borrowingLimit": "0", "lendingLimit": "0"}
    assert quotas(graph, "churn-queue")["machines", "memory"]["nominalQuota"] == "256Gi"


def test_what_is_no_teams_own_is_everybodys_to_borrow(graph: Graph):
    spare = quotas(graph, "cohort")
    (h100,) = (name for name, _ in spare if name.startswith("pool-h100"))
    assert spare == {
        ("pool-a100", "nvidia.com/gpu"): {"nominalQuota": "4"},
        (h100, "nvidia.com/gpu"): {"nominalQuota": "48"},
        ("pool-slices", "nvidia.com/mig-3g.40gb"): {"nominalQuota": "12"},
    }
    cohort = spec_of(graph, "fraud-queue")["cohortName"]
    (found,) = graph.named("queues-cohort")
    assert cohort == spec_of(graph, "churn-queue")["cohortName"] == found.properties["metadata"]["name"]


def test_what_was_lent_comes_back_at_once_unless_the_platform_says_otherwise(graph: Graph):
    assert spec_of(graph, "fraud-queue")["preemption"]["reclaimWithinCohort"] == "Any"
    assert spec_of(shared(reclaim=False), "fraud-queue")["preemption"]["reclaimWithinCohort"] == "Never"


def test_idle_gpus_are_shared_by_weight(graph: Graph):
    assert spec_of(graph, "fraud-queue")["fairSharing"] == {"weight": "2"}
    assert spec_of(graph, "churn-queue")["fairSharing"] == {"weight": "1"}


def test_a_queue_takes_work_from_its_teams_namespace_alone(graph: Graph):
    assert spec_of(graph, "fraud-queue")["namespaceSelector"] == {
        "matchLabels": {"kubernetes.io/metadata.name": "ml-dev-fraud"}
    }
    (way_in,) = graph.named("queues-fraud-way-in")
    assert way_in.type == f"{QUEUE}:LocalQueue"
    assert way_in.properties["metadata"]["namespace"] == "ml-dev-fraud"
    assert way_in.properties["metadata"]["name"] == "default", "Kueue gives it what names none"


def test_a_pool_is_where_its_label_is_and_tolerates_its_taint(graph: Graph):
    spec = flavor(graph, "a100")["spec"]
    assert spec["nodeLabels"] == {"modelyard.dev/pool": "a100"}
    assert spec["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert "topologyName" not in spec


def test_close_machines_are_told_apart_by_the_layers_of_the_network_and_a_change_makes_another_flavour(graph: Graph):
    spec = flavor(graph, "h100")["spec"]
    levels = [level["nodeLabel"] for level in spec_of(graph, "network")["levels"]]
    assert levels[0] == "topology.k8s.aws/network-node-layer-1" and levels[-1] == "kubernetes.io/hostname"
    (network,) = graph.named("queues-network")
    assert spec["topologyName"] == network.properties["metadata"]["name"]
    (made,) = graph.named("queues-h100-flavor")
    assert network.urn in made.dependencies
    here = flavor(graph, "h100")["metadata"]["name"]
    there = flavor(shared({**POOLS, "h100": PoolLimit(64)}), "h100")["metadata"]["name"]
    assert here != there, "Kueue changes no flavour that has a topology"


def test_no_topology_is_made_where_no_pool_stands_close():
    plain = shared({name: PoolLimit(pool.gpus, pool.resource) for name, pool in POOLS.items()})
    assert not [node for node in plain.nodes if node.type == f"{QUEUE}:Topology"]


def test_priorities_order_the_queue_and_stop_no_pod(graph: Graph):
    classes = {node.properties["metadata"]["name"]: node.properties for node in graph.of_type(PRIORITY)}
    values = {name.rpartition("-")[2]: each["value"] for name, each in classes.items()}
    assert values["serving"] > values["urgent"] > 0 > values["background"]
    assert {each["preemptionPolicy"] for each in classes.values()} == {"Never"}
    assert not any(each.get("globalDefault") for each in classes.values())


def test_queues_come_after_the_flavours_and_ways_in_after_queues(graph: Graph):
    (queue,) = graph.named("queues-fraud-queue")
    (way_in,) = graph.named("queues-fraud-way-in")
    assert {urn.rpartition("::")[2] for urn in queue.dependencies} >= {
        *("queues-cohort", "queues-general", "queues-a100-flavor", "queues-h100-flavor"),
    }
    assert queue.urn in way_in.dependencies


def test_the_api_server_refuses_runs_of_teams_that_name_no_queue(graph: Graph):
    policy = spec_of(graph, "only-queued")
    assert policy["failurePolicy"] == "Fail"
    refused = {resource for rule in policy["matchConstraints"]["resourceRules"] for resource in rule["resources"]}
    assert refused == {"jobs", "jobsets", "mpijobs", "rayclusters", "rayjobs", "trainjobs"}
    binding = spec_of(graph, "only-queued-here")
    assert binding["validationActions"] == ["Deny"]
    (where,) = binding["matchResources"]["namespaceSelector"]["matchExpressions"]
    assert where["values"] == ["ml-dev-fraud", "ml-dev-churn"]


def test_kueue_manages_all_that_runs_in_teams_namespaces_and_nothing_of_the_platforms():
    said = json.loads(kueue_values(SharingSpec(ready_minutes=45))["managerConfig"]["controllerManagerConfigYaml"])
    assert said["manageJobsWithoutQueueName"] is True
    assert said["managedJobsNamespaceSelector"]["matchExpressions"] == [
        {"key": "modelyard.dev/team", "operator": "Exists"},
        {"key": "modelyard.dev/team", "operator": "NotIn", "values": ["platform"]},
    ]
    assert said["waitForPodsReady"]["timeout"] == "45m"
    assert {"pod", "batch/job", "trainer.kubeflow.org/trainjob", "ray.io/rayjob"} <= {
        *said["integrations"]["frameworks"]
    }


class Header(Spec):
    """The part of a team's file that this page is about."""

    team: Name
    quota: ClusterQuotaSpec


def refusal(*files: str) -> str:
    """What is said of these teams' quotas."""
    with pytest.raises(SpecError) as refused:
        headers = [load(parse(text.encode(), f"stacks/teams/{index}.yaml"), Header) for index, text in enumerate(files)]
        faults = list(quota_faults({each.team: each.quota for each in headers}, POOLS))
        raise SpecError(*faults) if faults else AssertionError("nothing was refused")
    return str(refused.value)


def file_of(team: str, **pool: Any) -> str:
    return f"team: {team}\nquota:\n  pools:\n    a100: {json.dumps(pool)}\n"


def test_quotas_beyond_the_pool_are_refused_at_each_teams_own_line():
    remedy = "Ask for less, or have the platform's file raise the pool's limit."
    more = "is more than the pool's 16, of which others have"
    assert refusal(file_of("fraud", gpus=12), file_of("churn", gpus=8)).splitlines() == [
        f"stacks/teams/0.yaml:4:20: quota.pools.a100.gpus: got 12; {more}: churn 8. {remedy}",
        f"stacks/teams/1.yaml:4:20: quota.pools.a100.gpus: got 8; {more}: fraud 12. {remedy}",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (file_of("fraud", gpus=17), "quota.pools.a100.gpus: got 17; is more than the pool's 16. Ask for less"),
        (file_of("fraud", gpus=8, borrow=9), "a100.borrow: got 9; with its own 8 is more than the 16 of the pool."),
        (file_of("fraud", gpus=8, lend=9), "a100.lend: got 9; is more than gpus, 8. Lower it, or raise gpus."),
        (file_of("fraud", gpus=-1), "a100.gpus: got -1"),
        (file_of("fraud"), "quota.pools.a100.gpus"),
        (file_of("fraud", gpus=1).replace("a100", "v100"), "v100: got 'v100'; is no pool of the cluster; it has: a100"),
        ("team: fraud\nquota: {cpus: 0}\n", "quota.cpus: got 0"),
        ("team: fraud\nquota: {gpus: 8}\n", "quota.gpus"),
        ("team: fraud\nquota: {weight: 0}\n", "quota.weight: got 0"),
    ],
)
def test_a_faulty_quota_is_refused_where_it_was_written(text: str, said: str):
    assert f"stacks/teams/0.yaml:{2 if 'pools' not in text else 4}" in refusal(text)
    assert said in refusal(text)


def test_a_program_refuses_quotas_that_the_pools_cant_hold():
    with pytest.raises(
        SpecError, match=r"pools.a100.gpus: got 8; is more than the pool's 10, of which others have: churn 4"
    ):
        shared({**POOLS, "a100": PoolLimit(10)})


def test_what_fits_exactly_is_no_fault():
    teams = {
        team: ClusterQuotaSpec.model_validate({"pools": {"a100": {"gpus": 8, "borrow": 8}}}) for team in ("a", "b")
    }
    assert list(quota_faults(teams, POOLS)) == []


PAGE = (ROOT / "docs" / "fair-sharing.md").read_text()


def test_the_example_on_the_page_is_a_sound_quota():
    (example,) = re.findall(r"```yaml\n(team:.*?)```", PAGE, re.DOTALL)
    header = load(parse(example.encode(), "stacks/teams/fraud.yaml"), Header)
    assert list(quota_faults({"fraud": header.quota}, POOLS)) == []
    assert header.quota.gpus_at_most(POOLS)["nvidia.com/gpu"] == 16


def test_the_page_tells_the_levels_as_they_are():
    told = dict(re.findall(r"^\| `([a-z]+)` \| (-?\d+) \|", PAGE, re.MULTILINE))
    assert told == {level: str(value) for level, (value, _) in PRIORITIES.items()}


@pytest.fixture(scope="module")
def watched() -> Graph:
    return idling(idle_after=90, exempt=["ml-dev-fraud/nightly-*"])


def test_what_looks_for_idle_gpus_is_told_what_the_platforms_file_says(watched: Graph):
    (job,) = watched.named("idle-job")
    (container,) = job.properties["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    (variable,) = container["env"]
    settings = Settings.read(variable["value"])
    assert (settings.minutes, settings.below_percent, settings.exempt) == (90, 5, ("ml-dev-fraud/nightly-*",))
    assert settings.namespaces == ("ml-dev-fraud", "ml-dev-churn")
    assert job.properties["spec"]["concurrencyPolicy"] == "Forbid"
    assert container["command"] == ["python", "-m", "modelyard_jobs.idle"]


def test_what_looks_for_idle_gpus_reads_pods_stops_workloads_and_may_nothing_else(watched: Graph):
    roles = watched.of_type("kubernetes:rbac.authorization.k8s.io/v1:Role")
    assert {role.properties["metadata"]["namespace"] for role in roles} == {"ml-dev-fraud", "ml-dev-churn"}
    for role in roles:
        rights = {
            (resource, verb)
            for rule in role.properties["rules"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
        assert rights == {("pods", "list"), ("events", "create"), ("workloads", "list"), ("workloads", "patch")}
    assert not [node for node in watched.nodes if "ClusterRole" in node.type]


def test_our_own_rules_find_nothing_in_queues_or_in_what_looks_for_idle_gpus(graph: Graph, watched: Graph):
    around = Surroundings(
        "dev", production=False, region="eu-west-1", account=PLATFORM.account, today=date(2026, 11, 22)
    )
    for each in (graph, watched):
        found = [
            (one.rule.id, one.urn.rpartition("::")[2], one.problem) for one in judge(each, CATALOGUE, around).results
        ]
        assert found == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image": "jobs:latest"}, "image"),
        ({"idle_after": 5}, "idle_after"),
        ({"every": 7}, "every"),
        ({"exempt": ["everything"]}, "exempt"),
    ],
)
def test_a_faulty_way_of_looking_is_refused(changes: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        idling(**changes)
