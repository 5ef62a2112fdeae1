"""Who may do what in a cluster of EKS, over the tables: entries, policies, pod identities, identity providers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.sandbox.tables.clusters import (
    ADMINISTRATOR,
    ASSOCIATION,
    ENTRY,
    POLICY,
    PROVIDER,
    cluster,
    nodes,
    role,
)

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud, Made

PODS = "pods.eks.amazonaws.com"
VIEWER = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
LIMITED = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})


def entry(cloud: Cloud, **inputs: Any) -> Made:
    return cloud.make(ENTRY, clusterName="ml", principalArn=role(cloud, "people"), **inputs)


def test_an_entry_names_its_principal_and_changes_its_groups(cloud: Cloud):
    cluster(cloud)
    made = entry(cloud, kubernetesGroups=["viewers"], tags={"team": "a"})
    assert made.id == f"ml:{role(cloud, 'people')}"
    assert made["userName"] == "arn:aws:sts::123456789012:assumed-role/people/{{SessionName}}"
    start = "arn:aws:eks:eu-west-1:123456789012:access-entry/ml/role/123456789012/people/"
    assert made["accessEntryArn"].startswith(start)
    made.update(kubernetesGroups=["viewers", "editors"])
    made.update(userName="somebody")
    made.update(tags={"team": "b"})
    assert made.forecast(principalArn=role(cloud, "others")).replaces
    made.imported(made.id)
    made.delete()


def test_an_entry_is_for_one_principal_that_exists_and_once(cloud: Cloud):
    cluster(cloud)
    who = role(cloud, "people")

    def told(principal: str = who, **inputs: Any) -> str:
        return cloud.refused(ENTRY, clusterName="ml", principalArn=principal, **inputs)

    assert "invalid principal" in told("arn:aws:iam::123456789012:role/nobody")
    assert "is for a role" in told(cloud.client("iam").create_user(UserName="u")["User"]["Arn"], type="EC2_LINUX")
    entry(cloud)
    assert "ResourceInUseException: The specified access entry resource is already in use" in told()


def test_a_cluster_that_reads_its_config_map_has_no_entries(cloud: Cloud):
    cluster(cloud, accessConfig={"authenticationMode": "CONFIG_MAP"})
    told = cloud.refused(ENTRY, clusterName="ml", principalArn=role(cloud, "people"))
    assert "authentication mode must be set to one of [API, API_AND_CONFIG_MAP]" in told


def test_managed_nodes_have_an_entry_already(cloud: Cloud):
    cluster(cloud)
    nodes(cloud)
    own = role(cloud, "node")
    assert cloud.client("eks").list_access_entries(clusterName="ml")["accessEntries"] == [own]
    assert "already in use" in cloud.refused(ENTRY, clusterName="ml", principalArn=own, type="EC2_LINUX")


def test_a_policy_reaches_as_far_as_its_scope(cloud: Cloud):
    cluster(cloud)
    who = entry(cloud)
    named = {"clusterName": "ml", "principalArn": who.given["principalArn"]}
    made = cloud.make(POLICY, **named, policyArn=ADMINISTRATOR, accessScope={"type": "cluster"})
    assert made.id == f"ml#{named['principalArn']}#{ADMINISTRATOR}"
    narrow = {"type": "namespace", "namespaces": ["team-a"]}
    other = cloud.make(POLICY, **named, policyArn=VIEWER, accessScope=narrow)
    assert other.forecast(accessScope={"type": "cluster"}).replaces == {"accessScope"}
    made.imported(made.id)
    held = cloud.client("eks").list_associated_access_policies(**named)["associatedAccessPolicies"]
    assert {one["policyArn"] for one in held} == {ADMINISTRATOR, VIEWER}
    made.delete()
    other.settled()
    other.delete()
    who.delete()


def test_a_policy_is_one_of_eks_for_an_entry_that_exists(cloud: Cloud):
    cluster(cloud)
    who = role(cloud, "people")

    def told(policy: str = VIEWER, principal: str = who, **scope: Any) -> str:
        scope = scope or {"type": "cluster"}
        return cloud.refused(POLICY, clusterName="ml", principalArn=principal, policyArn=policy, accessScope=scope)

    assert "could not be found" in told()
    entry(cloud)
    assert "no such access policy" in told("arn:aws:eks::aws:cluster-access-policy/AmazonEKSEverythingPolicy")
    nodes(cloud)
    assert "takes no access policies" in told(principal=role(cloud, "node"))


def associate(cloud: Cloud, **inputs: Any) -> Made:
    given = {"namespace": "team-a", "serviceAccount": "trainer", "roleArn": role(cloud, "trainer", PODS), **inputs}
    return cloud.make(ASSOCIATION, clusterName="ml", **given)


def test_a_pod_identity_changes_its_role_in_place(cloud: Cloud):
    cluster(cloud)
    made = associate(cloud, tags={"team": "a"})
    assert made.id.startswith("a-") and made["associationId"] == made.id
    assert made["associationArn"] == f"arn:aws:eks:eu-west-1:123456789012:podidentityassociation/ml/{made.id}"
    made.update(roleArn=role(cloud, "trainer-2", PODS))
    made.update(disableSessionTags=True, policy=LIMITED)
    made.update(targetRoleArn="arn:aws:iam::210987654321:role/data")
    assert made["externalId"]
    made.update(tags={"team": "b"})
    for changes in ({"namespace": "team-b"}, {"serviceAccount": "other"}):
        assert made.forecast(**changes).replaces == set(changes)
    made.imported(f"ml,{made.id}")
    made.delete()


def test_a_pod_identity_needs_a_role_that_pods_may_assume_and_is_one_of_its_account(cloud: Cloud):
    cluster(cloud)

    def told(**inputs: Any) -> str:
        given = {"namespace": "team-a", "serviceAccount": "trainer", "roleArn": role(cloud, "trainer", PODS), **inputs}
        return cloud.refused(ASSOCIATION, clusterName="ml", **given)

    assert "Role provided in the request does not exist" in told(roleArn="arn:aws:iam::123456789012:role/nobody")
    assert "Trust policy of the role provided is invalid" in told(roleArn=role(cloud, "control-plane"))
    associate(cloud)
    assert "ResourceInUseException: Association already exists" in told()


def test_a_cluster_believes_one_identity_provider(cloud: Cloud):
    cluster(cloud)
    oidc = {"identityProviderConfigName": "people", "clientId": "kubernetes", "issuerUrl": "https://id.example.com"}
    made = cloud.make(PROVIDER, clusterName="ml", oidc=oidc, tags={"team": "a"})
    assert made.id == "ml:people" and made["status"] == "ACTIVE"
    assert made.forecast(oidc={**oidc, "clientId": "other"}).replaces == {"oidc"}
    told = cloud.refused(PROVIDER, clusterName="ml", oidc={**oidc, "identityProviderConfigName": "others"})
    assert "one identity provider config at most" in told
    made.imported("ml:people")
    made.update(tags={"team": "b"})
    made.delete()


def test_what_goes_with_its_cluster_is_gone(cloud: Cloud):
    above = cluster(cloud)
    made = entry(cloud)
    above.delete()
    assert made.read() is None


def test_an_entry_that_changed_behind_our_back_is_seen(cloud: Cloud):
    cluster(cloud)
    made = entry(cloud, kubernetesGroups=["viewers"])
    eks = cloud.client("eks")
    eks.update_access_entry(clusterName="ml", principalArn=made.given["principalArn"], kubernetesGroups=["admins"])
    found = made.read()
    assert found is not None and found.state["kubernetesGroups"] == ["admins"]
    with pytest.raises(eks.exceptions.InvalidParameterException, match="cannot start with system:"):
        eks.update_access_entry(
            clusterName="ml", principalArn=made.given["principalArn"], kubernetesGroups=["system:masters"]
        )
    with pytest.raises(eks.exceptions.ResourceNotFoundException):
        eks.describe_access_entry(clusterName="ml", principalArn="arn:aws:iam::123456789012:role/nobody")
