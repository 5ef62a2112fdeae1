"""What holds a team inside its namespace, and lets its pods act in AWS as the roles they were granted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from policy_sentry.shared.iam_data import get_service_prefix_data
from tests import fenced as recorded
from tests.fenced import CLUSTER, ISSUER, S3, fence
from tests.ground import FRAUD, PLATFORM
from tests.unit.fences import CONTEXT, KEY, allows, arn, deployment

from modelyard.assess.graph import Graph, Node
from modelyard.assess.policy.engine import judge
from modelyard.assess.policy.rules import CATALOGUE
from modelyard.assess.policy.subject import Surroundings
from modelyard.foundation.cluster import ClusterQuotaSpec
from modelyard.foundation.tenancy import (
    Reach,
    group_of,
    persona_arn,
)
from modelyard.foundation.tenancy.admitted import admitted
from modelyard.foundation.tenancy.kubernetes_joining import joining

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def fenced() -> Graph:
    return recorded.fenced()


@pytest.fixture(scope="module")
def acting() -> Graph:
    return recorded.acting()


def node(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = graph.named(name)
    return dict(found.properties)


def arn_of(graph: Graph, name: str) -> str:
    (found,) = graph.named(name)
    return str(found.outputs["arn"])


def kinds(graph: Graph, kind: str) -> list[Node]:
    return [each for each in graph.nodes if each.type.startswith("kubernetes:") and each.type.endswith(f":{kind}")]


def rights(graph: Graph, member: str) -> Iterator[tuple[str, str, str]]:
    """Group, resource and verb of all that a member may do."""
    for rule in node(graph, f"fraud-space-{member}")["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield group, resource, verb


MEMBERS = ("data-scientist", "ml-engineer", "approver", "auditor", "pipeline", "deployers")


def test_pods_are_restricted_as_the_clusters_own_version_says(fenced: Graph):
    labels = node(fenced, "fraud-space-namespace")["metadata"]["labels"]
    for mode in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"
        assert labels[f"pod-security.kubernetes.io/{mode}-version"] == "v1.35"


def test_a_namespace_of_production_isnt_deleted_by_mistake(fenced: Graph):
    (here,) = kinds(fenced, "Namespace")
    (there,) = kinds(fence(replace(FRAUD, production=True)), "Namespace")
    assert (here.options.get("protect"), there.options.get("protect")) == (None, True)


def test_nobody_gets_in_or_out_but_by_the_ways_that_are_named(fenced: Graph):
    policies = {
        each.name.removeprefix("fraud-space-"): each.properties["spec"] for each in kinds(fenced, "NetworkPolicy")
    }
    assert {*policies} == {
        *("nobody", "each-other", "names", "identity", "services", "from-monitoring", "from-gateway"),
    }
    assert policies["nobody"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert policies["services"]["egress"] == [
        {
            "to": [{"ipBlock": {"cidr": "10.20.0.0/16"}}, {"ipBlock": {"cidr": S3}}],
            "ports": [{"protocol": "TCP", "port": 443}],
        }
    ]
    assert policies["identity"]["egress"][0]["to"] == [{"ipBlock": {"cidr": "169.254.170.23/32"}}]
    (way,) = policies["from-gateway"]["ingress"]
    assert way["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}}]
    assert [port["port"] for port in way["ports"]] == [8080, 9000]


def test_nowhere_is_the_whole_internet_named(fenced: Graph):
    text = json.dumps([each.properties["spec"] for each in kinds(fenced, "NetworkPolicy")])
    assert "0.0.0.0/0" not in text and "169.254.169.254" not in text


def test_without_services_pods_speak_to_nobody_outside():
    (policy,) = fence().named("fraud-space-services")
    assert policy.properties["spec"]["policyTypes"] == ["Egress"]
    assert not policy.properties["spec"].get("egress")


def test_a_team_uses_what_its_quota_says_and_no_load_balancers(fenced: Graph):
    hard = node(fenced, "fraud-space-quota")["spec"]["hard"]
    assert hard["requests.cpu"] == "96"
    assert (hard["requests.memory"], hard["limits.memory"]) == ("768Gi", "768Gi")
    assert hard["requests.nvidia.com/gpu"] == "12", "its own 8, and 4 that it may borrow"
    assert hard["requests.nvidia.com/mig-3g.40gb"] == "0", "what it has no quota of it can't use"
    assert (hard["services.loadbalancers"], hard["services.nodeports"]) == ("0", "0")


def test_a_team_that_borrows_without_a_limit_is_held_by_the_pool():
    quota = ClusterQuotaSpec.model_validate({"pools": {"a100": {"gpus": 2}}})
    hard = node(fence(quota=quota), "fraud-space-quota")["spec"]["hard"]
    assert hard["requests.nvidia.com/gpu"] == "16"
    assert hard["requests.cpu"] == str(32 + 24 * 16)


def test_no_pod_of_a_team_takes_the_place_of_the_clusters_own(fenced: Graph):
    spec = node(fenced, "fraud-space-nothing-critical")["spec"]
    assert spec["hard"] == {"pods": "0"}
    (scope,) = spec["scopeSelector"]["matchExpressions"]
    assert scope["values"] == ["system-cluster-critical", "system-node-critical"]


def test_a_container_that_says_nothing_gets_amounts_that_the_quota_can_count(fenced: Graph):
    (limits,) = node(fenced, "fraud-space-containers")["spec"]["limits"]
    assert limits["defaultRequest"].keys() == {"cpu", "memory"}
    assert limits["default"].keys() == {"memory"}


@pytest.mark.parametrize("member", MEMBERS)
def test_nobody_reads_secrets_opens_a_shell_or_changes_who_may_what(fenced: Graph, member: str):
    found = list(rights(fenced, member))
    assert found
    resources = {resource for _, resource, _ in found}
    verbs = {verb for _, _, verb in found}
    assert not resources & {"secrets", "pods/exec", "pods/attach", "pods/ephemeralcontainers", "serviceaccounts/token"}
    assert not {resource for group, resource, _ in found if group == "rbac.authorization.k8s.io"}
    assert verbs <= {"get", "list", "watch", "create", "delete", "patch", "update"}
    assert "*" not in "".join(group + resource for group, resource, _ in found)


@pytest.mark.parametrize("member", MEMBERS)
def test_nobody_moves_the_fence(fenced: Graph, member: str):
    fences = {"networkpolicies", "resourcequotas", "limitranges", "localqueues", "secretstores"}
    changed = {resource for _, resource, verb in rights(fenced, member) if verb not in ("get", "list", "watch")}
    assert not changed & fences


@pytest.mark.parametrize("member", ["approver", "auditor"])
def test_who_decides_or_reads_changes_nothing_and_sees_no_log(fenced: Graph, member: str):
    assert {verb for _, _, verb in rights(fenced, member)} == {"get", "list", "watch"}
    assert "pods/log" not in {resource for _, resource, _ in rights(fenced, member)}


def test_who_trains_starts_and_stops_runs_and_deploys_nothing(fenced: Graph):
    changed = {
        (resource, verb) for _, resource, verb in rights(fenced, "data-scientist") if verb in ("create", "patch")
    }
    assert ("trainjobs", "create") in changed
    assert not {resource for resource, _ in changed} & {"deployments", "inferenceservices", "serviceaccounts"}


def test_a_role_is_bound_to_the_teams_own_group_alone(fenced: Graph):
    for member in MEMBERS:
        binding = node(fenced, f"fraud-space-{member}-group")
        (subject,) = binding["subjects"]
        assert (subject["kind"], subject["name"]) == ("Group", f"modelyard:ml-dev-fraud:{member}")
        assert binding["metadata"]["namespace"] == "ml-dev-fraud"
        assert binding["roleRef"]["kind"] == "Role"
    assert group_of(PLATFORM.for_team("churn"), "auditor") != group_of(FRAUD, "auditor")


def test_our_own_rules_find_nothing_in_a_fence_or_an_account(fenced: Graph, acting: Graph):
    around = Surroundings("dev", production=False, region="eu-west-1", today=date(2026, 11, 22))
    asked = 0
    for graph in (fenced, acting):
        judged = judge(graph, CATALOGUE, around)
        ours = [each for each in judged.results if ":kubernetes:" in each.urn or "$aws:eks" in each.urn]
        assert [(each.rule.id, each.urn.rpartition("::")[2], each.problem) for each in ours] == []
        asked += judged.asked["pss-restricted"] + judged.asked["default-deny-netpol"]
    assert asked == 2


def test_pods_of_one_account_alone_become_its_role(acting: Graph):
    trust = json.loads(node(acting, "trainer-identity-role")["assumeRolePolicy"])["Statement"]
    (statement,) = trust
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {
        "aws:RequestTag/kubernetes-namespace": "ml-dev-fraud",
        "aws:RequestTag/kubernetes-service-account": "ml-dev-fraud-trainer",
        "aws:SourceAccount": FRAUD.account,
    }
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"].endswith(f":cluster/{CLUSTER}")


def test_an_account_its_role_and_what_joins_them_name_the_same_pods(acting: Graph):
    association = node(acting, "trainer-association")
    assert (association["clusterName"], association["namespace"]) == (CLUSTER, "ml-dev-fraud")
    assert association["serviceAccount"] == node(acting, "trainer-account")["metadata"]["name"]
    assert association["disableSessionTags"] is False, "the trust asks for the tags"
    assert association["roleArn"] == arn_of(acting, "trainer-identity-role")
    assert node(acting, "trainer-account")["automountServiceAccountToken"] is False


def test_an_account_is_granted_data_as_a_role_is(acting: Graph):
    policy = node(acting, "trainer-identity-lake-access")["policy"]
    assert "s3:GetObject" in policy and "kms:Decrypt" in policy
    assert node(acting, "trainer-identity-lake-access")["role"] == node(acting, "trainer-identity-role")["name"]


def test_secrets_come_as_the_teams_own_account_and_as_no_operator(acting: Graph):
    trust = json.loads(node(acting, "secrets-reader-identity-role")["assumeRolePolicy"])["Statement"]
    (by_token,) = [each for each in trust if each["Action"] == "sts:AssumeRoleWithWebIdentity"]
    issuer = ISSUER.removeprefix("https://")
    assert by_token["Condition"]["StringEquals"] == {
        f"{issuer}:aud": "sts.amazonaws.com",
        f"{issuer}:sub": ["system:serviceaccount:ml-dev-fraud:ml-dev-fraud-secrets-reader"],
    }
    store = node(acting, "served-secret-store")["spec"]["provider"]["aws"]
    account = node(acting, "secrets-reader-account")["metadata"]
    assert store["auth"] == {"jwt": {"serviceAccountRef": {"name": account["name"]}}}
    assert account["annotations"]["eks.amazonaws.com/role-arn"] == arn_of(acting, "secrets-reader-identity-role")


def test_only_the_named_secrets_are_copied_and_again_after_each_rotation(acting: Graph):
    (copied,) = kinds(acting, "ExternalSecret")
    spec = copied.properties["spec"]
    assert spec["refreshInterval"] == "10m"
    assert spec["data"] == [{"secretKey": "value", "remoteRef": {"key": arn_of(acting, "secrets-vendor")}}]
    granted = node(acting, "secrets-reader-identity-secrets-access")["policy"]
    assert arn_of(acting, "secrets-vendor") in granted
    assert arn_of(acting, "secrets-other") not in granted


def test_roles_enter_the_cluster_as_their_group_and_by_no_policy_of_aws(acting: Graph):
    entries = {each.name: each.properties for each in acting.of_type("aws:eks/accessEntry:AccessEntry")}
    assert entries["people-auditor"]["kubernetesGroups"] == ["modelyard:ml-dev-fraud:auditor"]
    assert entries["people-auditor"]["principalArn"] == persona_arn(FRAUD, "auditor")
    assert entries["people-deployers"]["kubernetesGroups"] == ["modelyard:ml-dev-fraud:deployers"]
    assert not acting.of_type("aws:eks/accessPolicyAssociation:AccessPolicyAssociation")


def may_deploy(action: str, resource: str, **keys: Any) -> bool:
    """What the deployment of a team may that declares the capability."""
    return allows(deployment(Reach(CONTEXT, admitted=admitted(["kubernetes"])), [KEY]), action, resource, **keys)


def may_without(action: str, resource: str, **keys: Any) -> bool:
    """What the deployment of a team may that doesn't."""
    return allows(deployment(Reach(CONTEXT, admitted=admitted(["data"])), [KEY]), action, resource, **keys)


PLATFORMS_CLUSTER = arn("eks", "cluster/ml-dev-platform-cluster")
ASSOCIATION = arn("eks", "podidentityassociation/ml-dev-platform-cluster/a-1234567890")
ENTRY = arn("eks", "access-entry/ml-dev-platform-cluster/role/123456789012/name/12345678")
OURS = {"aws:RequestTag/team": "fraud", "aws:TagKeys": ["team"]}
PERSONA = {"eks:principalArn": persona_arn(CONTEXT, "auditor")}
GROUPS = {"eks:kubernetesGroups": ["modelyard:ml-dev-fraud:auditor"]}


def test_a_deployment_joins_the_teams_own_roles_with_accounts_of_the_platforms_cluster():
    create = "eks:CreatePodIdentityAssociation"
    assert may_deploy(create, PLATFORMS_CLUSTER, **OURS)
    assert not may_deploy(create, PLATFORMS_CLUSTER), "one without the team's tag would be nobody's"
    assert not may_deploy(create, arn("eks", "cluster/another"), **OURS)
    assert not may_without(create, PLATFORMS_CLUSTER, **OURS), "the file declares nothing that needs it"
    to_pods = {"iam:PassedToService": "pods.eks.amazonaws.com"}
    role = "arn:aws:iam::123456789012:role/modelyard/ml/dev/{}/trainer"
    assert may_deploy("iam:PassRole", role.format("fraud"), **to_pods)
    assert not may_deploy("iam:PassRole", role.format("churn"), **to_pods)
    assert not may_without("iam:PassRole", role.format("fraud"), **to_pods)


@pytest.mark.parametrize("action", ["Delete", "Update", "Describe"])
def test_what_joins_another_teams_role_or_the_platforms_is_out_of_reach(action: str):
    action = f"eks:{action}PodIdentityAssociation"
    assert may_deploy(action, ASSOCIATION, **{"aws:ResourceTag/team": "fraud"})
    for other in ("churn", "platform"):
        assert not may_deploy(action, ASSOCIATION, **{"aws:ResourceTag/team": other})
    assert not may_deploy(action, ASSOCIATION)


def test_nothing_of_the_platforms_is_tagged_as_the_teams_to_come_into_reach():
    assert may_deploy("eks:TagResource", ASSOCIATION, **OURS), "EKS asks so for what is tagged as it is made"
    assert may_deploy("eks:TagResource", ASSOCIATION, **OURS, **{"aws:ResourceTag/team": "fraud"})
    for other in ("churn", "platform"):
        assert not may_deploy("eks:TagResource", ASSOCIATION, **OURS, **{"aws:ResourceTag/team": other})


def test_a_deployment_lets_its_own_personas_in_with_the_groups_of_its_own_namespace():
    create = "eks:CreateAccessEntry"
    assert may_deploy(create, PLATFORMS_CLUSTER, **OURS, **PERSONA, **GROUPS)
    for refused in (
        {**PERSONA},
        {**GROUPS, "eks:principalArn": Reach(CONTEXT).deployment_role},
        {**GROUPS, "eks:principalArn": persona_arn(replace(CONTEXT, team="churn"), "auditor")},
        {**PERSONA, "eks:kubernetesGroups": ["modelyard:ml-dev-churn:auditor"]},
        {**PERSONA, "eks:kubernetesGroups": ["modelyard:ml-dev-fraud:deployers"]},
        {**PERSONA, "eks:kubernetesGroups": [*GROUPS["eks:kubernetesGroups"], "system:masters"]},
        {**PERSONA, **GROUPS, "eks:accessEntryType": "EC2_LINUX"},
        {**PERSONA, **GROUPS, "eks:username": "somebody-else"},
    ):
        assert not may_deploy(create, PLATFORMS_CLUSTER, **{**OURS, **refused}), refused


def test_a_deployment_changes_no_entry_and_gives_nobody_a_policy_of_aws():
    own = {**PERSONA, "aws:ResourceTag/team": "fraud"}
    assert may_deploy("eks:DeleteAccessEntry", ENTRY, **own)
    assert not may_deploy("eks:DeleteAccessEntry", ENTRY, **{"eks:principalArn": Reach(CONTEXT).deployment_role})
    for action in ("UpdateAccessEntry", "AssociateAccessPolicy", "UpdateClusterConfig", "DeleteCluster", "CreateAddon"):
        assert not may_deploy(f"eks:{action}", ENTRY, **own)
        assert not may_deploy(f"eks:{action}", PLATFORMS_CLUSTER, **own)


@pytest.mark.parametrize("action", sorted({action for each in joining(Reach(CONTEXT)) for action in each.actions}))
def test_every_action_on_clusters_exists(action: str):
    assert action.removeprefix("eks:") in get_service_prefix_data("eks")["privileges"]


SHOWN = {
    "looks": {("", "pods", "list")},
    "reads logs": {("", "pods/log", "get")},
    "starts and stops runs": {("batch", "jobs", "create"), ("trainer.kubeflow.org", "trainjobs", "delete")},
    "restarts pods, forwards ports": {("", "pods", "delete"), ("", "pods/portforward", "create")},
    "deploys": {("apps", "deployments", "create"), ("", "serviceaccounts", "patch")},
}


def test_the_page_tells_who_may_what_as_it_is(fenced: Graph):
    page = (ROOT / "docs" / "kubernetes-teams.md").read_text()
    (table,) = re.findall(r"<!-- rights:start -->\n(.*?)<!-- rights:end -->", page, re.DOTALL)
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert head[1:] == [*SHOWN]
    told = {row[0].strip("`"): [cell == "yes" for cell in row[1:]] for row in rows}
    assert [*told] == [*MEMBERS]
    for member, marks in told.items():
        may = set(rights(fenced, member))
        assert marks == [needed <= may for needed in SHOWN.values()], member
