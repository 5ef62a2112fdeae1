"""A platform with a cluster gives each team that asks for it a namespace, a queue and a way in; no other one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.shipped import edit

from modelyard.assess.graph import Graph
from modelyard.assess.impact.forecast import Op
from modelyard.blueprints import Project
from modelyard.blueprints.beginning import new_project
from modelyard.blueprints.vending import new_team
from modelyard.core.contract import OUTPUT, read_contract
from modelyard.core.errors import SpecError
from modelyard.operate.guarding import guard
from modelyard.operate.planning import planned_beside
from modelyard.operate.recorded import Recorder

KUEUE = "kubernetes:kueue.x-k8s.io/v1beta2"
PEOPLE = "arn:aws:iam::123456789012:role/people"
OWNER = "Ada <ada@acme.example>"


def begun(folder: Path, blueprint: str = "gpu-cluster", team: str = "gpu") -> Project:
    new_project(folder, blueprint, "acme", "platform@acme.example")
    project = Project(folder)
    new_team(project, "vision", team, OWNER, ["local"])
    return project


def team(project: Project, **said: Any) -> None:
    edit(project.team_file("vision"), lambda file: file.update(said))


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    project = begun(tmp_path_factory.mktemp("gpus"))
    new_team(project, "sales", "batch", OWNER, ["local"])
    return Recorder(project).graph("platform", "local")


def test_a_team_with_a_quota_has_a_namespace_and_a_queue_and_others_have_none(graph: Graph):
    spaces = {node.properties["metadata"]["name"] for node in graph.of_type("kubernetes:core/v1:Namespace")}
    assert spaces == {"jobset-system", "kubeflow-system", "kueue-system", "ml-local-vision"}
    assert [node.properties["metadata"]["namespace"] for node in graph.of_type(f"{KUEUE}:LocalQueue")] == [
        "ml-local-vision"
    ]


def test_the_contract_tells_the_teams_stack_of_cluster_and_namespace(graph: Graph):
    (stack,) = graph.of_type("pulumi:pulumi:Stack")
    contract = read_contract(stack.outputs[OUTPUT], "local")
    assert contract.cluster is not None and contract.cluster.kind == "eks"
    assert contract.cluster.endpoint.startswith("https://")
    assert contract.team("vision").namespace == "ml-local-vision"
    assert contract.team("sales").namespace is None


def test_who_deploys_for_the_team_enters_the_cluster_without_a_policy_of_aws(graph: Graph):
    entries = graph.of_type("aws:eks/accessEntry:AccessEntry")
    (own,) = [node for node in entries if "vision" in node.name]
    (role,) = graph.named("vision-fence-deployment-role")
    assert own.properties["principalArn"] == role.outputs["arn"]
    assert own.properties["kubernetesGroups"] == ["modelyard:ml-local-vision:deployers"]
    associated = graph.of_type("aws:eks/accessPolicyAssociation:AccessPolicyAssociation")
    assert role.outputs["arn"] not in {node.properties["principalArn"] for node in associated}


def test_what_starts_machines_may_use_the_key_of_their_disks_and_give_it_to_no_one_else(graph: Graph):
    (key,) = graph.named("keys-default")
    statements = json.loads(key.properties["policy"])["Statement"]
    (grants,) = [each for each in statements if each["Sid"] == "MachinesKeepTheirDisks"]
    assert grants["Principal"]["AWS"].endswith("/AWSServiceRoleForAutoScaling")
    assert grants["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}


def test_pods_of_a_team_reach_aws_and_no_other_place(graph: Graph):
    (policy,) = graph.named("vision-namespace-services")
    (rule,) = policy.properties["spec"]["egress"]
    assert [peer["ipBlock"]["cidr"] for peer in rule["to"]] == ["0.0.0.0/0"], "the blueprint's network has NAT"
    assert rule["ports"] == [{"protocol": "TCP", "port": 443}]


def test_a_quota_of_a_platform_without_a_cluster_is_refused_where_it_is_written(tmp_path: Path):
    project = begun(tmp_path, "standard")
    with pytest.raises(SpecError, match=r"vision\.yaml:\d+:\d+: quota.*the platform has none"):
        Recorder(project).graph("platform", "local")


def test_a_quota_of_a_team_in_an_account_of_its_own_is_refused(tmp_path: Path):
    project = begun(tmp_path)
    team(project, account="210987654321")
    with pytest.raises(SpecError, match="quota.*cluster in another account"):
        Recorder(project).graph("platform", "local")


def test_a_quota_beyond_what_the_pool_has_is_refused_with_the_pools_limit(tmp_path: Path):
    project = begun(tmp_path)
    team(project, quota={"pools": {"a100": {"gpus": 17}}})
    with pytest.raises(SpecError, match=r"quota\.pools\.a100\.gpus.*more than the pool's 16"):
        Recorder(project).graph("platform", "local")


def test_going_up_by_a_version_of_kubernetes_and_of_a_chart_gives_the_plan_that_drains_what_it_must(tmp_path: Path):
    before = begun(tmp_path / "before")
    edit(before.platform_file, lambda file: file["cluster"]["charts"].update(versions={"karpenter": "1.13.0"}))
    now = begun(tmp_path / "now")
    edit(now.platform_file, lambda file: file["cluster"].update(version="1.35"))
    plan = planned_beside(Recorder(before), Recorder(now), "main", "platform", "local")
    (one,) = plan.stacks
    assert {step.name: step.op for step in one.forecast.steps if step.custom} == {
        "cluster-cluster": Op.UPDATE,
        "cluster-system": Op.UPDATE,
        "charts-karpenter": Op.UPDATE,
        "charts-karpenter-crd": Op.UPDATE,
        "vision-namespace-namespace": Op.UPDATE,
    }
    said = {step.name: " ".join(step.disturbs) for step in one.forecast.steps}
    assert "from 1.34 to 1.35" in said["cluster-cluster"]
    assert "Karpenter makes the nodes of pools-a100, pools-a10g anew" in said["cluster-cluster"]
    assert "drained and made anew, 1 at a time" in said["cluster-system"]
    assert "karpenter goes from 1.13.0 to 1.14.1" in said["charts-karpenter"]
    assert plan.summary == "destroys nothing"


def test_going_up_by_two_versions_is_refused_before_eks_is_asked(tmp_path: Path):
    before, now = begun(tmp_path / "before"), begun(tmp_path / "now")
    edit(before.platform_file, lambda file: file["cluster"].update(version="1.33"))
    edit(now.platform_file, lambda file: file["cluster"].update(version="1.35"))
    plan = planned_beside(Recorder(before), Recorder(now), "main", "platform", "local")
    _, verdict = guard(now, lambda: plan)
    assert [step.impossible for _, step in verdict.impossible] == [
        "EKS goes up by one version at a time: deploy 1.34 before 1.35"
    ]


@pytest.fixture(scope="module")
def team_graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    project = begun(tmp_path_factory.mktemp("team"))
    team(project, people={"ml-engineer": ["ada@acme.example"]})
    edit(project.platform_file, lambda file: file.update(sign_in={"kind": "roles", "roles": [PEOPLE]}))
    return Recorder(project).graph("vision", "local")


def test_the_teams_stack_enters_the_cluster_as_its_deployment_role_and_lets_its_people_in(team_graph: Graph):
    (provider,) = team_graph.of_type("pulumi:providers:kubernetes")
    assert "ml-local-vision" in provider.properties["kubeconfig"] and "deployment" in provider.properties["kubeconfig"]
    (entry,) = team_graph.of_type("aws:eks/accessEntry:AccessEntry")
    assert entry.properties["kubernetesGroups"] == ["modelyard:ml-local-vision:ml-engineer"]


def test_jobs_on_the_cluster_read_the_lake_by_an_account_of_their_own(team_graph: Graph):
    (account,) = team_graph.of_type("kubernetes:core/v1:ServiceAccount")
    (association,) = team_graph.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert association.properties["serviceAccount"] == account.properties["metadata"]["name"]
    assert association.properties["namespace"] == account.properties["metadata"]["namespace"] == "ml-local-vision"
    assert any(
        "trainer" in node.name and "lake" in node.name for node in team_graph.of_type("aws:iam/rolePolicy:RolePolicy")
    )
    assert team_graph.of_type("kubernetes:trainer.kubeflow.org/v1alpha1:TrainingRuntime")


def test_a_runtime_that_the_cluster_has_not_is_refused_with_what_to_add(tmp_path: Path):
    project = begun(tmp_path)
    edit(project.platform_file, lambda file: file["cluster"]["charts"].update(install=[]))
    with pytest.raises(SpecError, match=r"programs\.finetune\.runtime.*runs by trainer.*cluster\.charts\.install"):
        Recorder(project).graph("vision", "local")


def test_training_on_a_cluster_without_a_share_of_one_is_refused(tmp_path: Path):
    project = begun(tmp_path)
    edit(project.team_file("vision"), lambda file: file.pop("quota"))
    with pytest.raises(SpecError, match=r"training\.flavour\.kind.*the team has none"):
        Recorder(project).graph("vision", "local")


def test_training_on_a_cluster_that_is_no_eks_is_refused_since_pods_get_no_roles_there(tmp_path: Path):
    project = begun(tmp_path)
    cluster = {"kind": "existing", "context": "lab", "version": "1.34", "pools": {"a10g": {"gpus": 8}}}
    edit(project.platform_file, lambda file: file.update(cluster={**cluster, "charts": {"install": ["trainer"]}}))
    team(project, quota={"pools": {"a10g": {"gpus": 2}}})
    with pytest.raises(SpecError, match=r"training\.flavour\.kind.*only a cluster of EKS can"):
        Recorder(project).graph("vision", "local")
