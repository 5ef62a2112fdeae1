"""Objects of Kubernetes under the real engine, in a cluster of EKS whose callers are who its access entries say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiException, CoreV1Api

from modelyard import engine as yard
from modelyard.core.errors import InputError
from modelyard.engine import Engine, OperationError, StackTarget
from modelyard_sandbox.emulator import Sandbox
from modelyard_sandbox.kubernetes import client
from modelyard_sandbox.kubernetes.binaries import Binaries

pytestmark = pytest.mark.engine

PROGRAM = """
import json
import os

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from modelyard import Context
from modelyard.foundation.cluster.kubeconfig import kubeconfig

context = Context(
    organization="acme", platform="ml", environment="dev", region=os.environ["AWS_REGION"], account="123456789012"
)


def role(name, service="ec2.amazonaws.com"):
    allowed = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    return aws.iam.Role(name, name=name, assume_role_policy=trust)


vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
subnets = [
    aws.ec2.Subnet(zone, vpc_id=vpc.id, cidr_block=f"10.0.{n}.0/24", availability_zone=context.region + zone)
    for n, zone in enumerate("ab")
]
cluster = aws.eks.Cluster(
    "cluster",
    name="ml",
    role_arn=role("control-plane", "eks.amazonaws.com").arn,
    access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": False},
    vpc_config={"subnet_ids": [subnet.id for subnet in subnets]},
)


def caller(name, groups=(), admitted=True):
    member = role(name)
    entry = [member]
    if admitted:
        entry = [
            aws.eks.AccessEntry(
                name, cluster_name=cluster.name, principal_arn=member.arn, kubernetes_groups=list(groups)
            )
        ]
    if name == "platform":
        entry.append(
            aws.eks.AccessPolicyAssociation(
                name,
                cluster_name=cluster.name,
                principal_arn=entry[0].principal_arn,
                policy_arn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
                access_scope={"type": "cluster"},
            )
        )
    certificate = cluster.certificate_authority.apply(lambda found: found.data)
    text = kubeconfig(context, "ml", cluster.endpoint, certificate, member.arn)
    options = pulumi.ResourceOptions(depends_on=entry)
    return kubernetes.Provider(name, kubeconfig=text, opts=options)


def options(provider, *after, **more):
    return pulumi.ResourceOptions(provider=provider, depends_on=list(after), **more)


platform = caller("platform")
space = kubernetes.core.v1.Namespace("team-a", metadata={"name": "team-a"}, opts=options(platform))
inside = {"namespace": space.metadata["name"]}
may = kubernetes.rbac.v1.Role(
    "may",
    metadata={"name": "may", **inside},
    rules=[{"api_groups": [""], "resources": ["configmaps"], "verbs": ["*"]}],
    opts=options(platform),
)
bound = kubernetes.rbac.v1.RoleBinding(
    "bound",
    metadata={"name": "bound", **inside},
    role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": "may"},
    subjects=[{"api_group": "rbac.authorization.k8s.io", "kind": "Group", "name": "team-a"}],
    opts=options(platform, may),
)
sets = kubernetes.helm.v3.Release(
    "jobset",
    name="jobset",
    chart="oci://registry.k8s.io/jobset/charts/jobset",
    version="0.11.0",
    namespace="sets",
    create_namespace=True,
    opts=options(platform),
)
template = {"spec": {"containers": [{"name": "c", "image": "x"}], "restartPolicy": "Never"}}
training = kubernetes.apiextensions.CustomResource(
    "training",
    api_version="jobset.x-k8s.io/v1alpha2",
    kind="JobSet",
    metadata={"name": "training", **inside},
    spec={"replicatedJobs": [{"name": "workers", "template": {"spec": {"template": template}}}]},
    opts=options(platform, sets),
)
password = kubernetes.core.v1.Secret(
    "password",
    metadata={"name": "password", **inside},
    string_data={"password": pulumi.Output.secret("hush-hush")},
    opts=options(platform),
)

team = caller("team", ["team-a"])
settings = kubernetes.core.v1.ConfigMap(
    "settings", metadata=inside, data={"mode": os.environ.get("MODE", "calm")}, opts=options(team, bound)
)
account = kubernetes.core.v1.ServiceAccount(
    "account",
    metadata={"name": "account", "labels": {"tier": os.environ.get("TIER", "one")}, **inside},
    opts=options(platform),
)
if os.environ.get("IMPORT"):
    kubernetes.core.v1.ConfigMap(
        "old",
        metadata={"name": "old", "namespace": "team-a"},
        data={"a": "1"},
        opts=options(team, bound, import_=os.environ["IMPORT"]),
    )
if os.environ.get("BEYOND"):
    kubernetes.core.v1.Secret("beyond", metadata=inside, opts=options(team, bound))
if os.environ.get("STRANGER"):
    stranger = caller("stranger", admitted=False)
    kubernetes.core.v1.ConfigMap("of-a-stranger", metadata=inside, opts=options(stranger, bound))
pulumi.export("settings", settings.metadata["name"])
"""
MAPS = "/api/v1/namespaces/team-a/configmaps"


@pytest.fixture(scope="module")
def sandbox(programs: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A running sandbox of this file's own, with Kubernetes."""
    made = Sandbox(tmp_path_factory.mktemp("project"))
    made.start(kubernetes=True)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def target(sandbox: Sandbox, tmp_path: Path) -> StackTarget:
    (tmp_path / "Pulumi.yaml").write_text("name: cluster\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    return StackTarget(tmp_path, "dev", {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable})


def under(target: StackTarget, **more: str | None) -> StackTarget:
    return StackTarget(target.project_dir, target.stack, {**target.env, **more}, target.secrets_provider)


def changed(result: Any) -> dict[str, str]:
    return {item.name: item.op for item in result.resources}


def test_a_stack_of_objects_lives_from_its_preview_to_its_end(
    engine: Engine, sandbox: Sandbox, target: StackTarget
) -> None:
    admin = client.connected(sandbox.places.cluster)
    begun = sandbox.counts()
    foreseen = yard.preview(target, engine=engine)
    assert set(foreseen.changes) == {"create"}
    assert sandbox.counts() == begun == {}, "a preview touches nothing"

    made = yard.up(target, engine=engine)
    assert made.changes == foreseen.changes
    name = made.outputs["settings"]
    live = client.get(admin, f"{MAPS}/{name}")
    assert live["data"] == {"mode": "calm"}
    assert client.get(admin, "/apis/jobset.x-k8s.io/v1alpha2/namespaces/team-a/jobsets/training")
    state = yard.stack_state(target, engine=engine)
    assert "hush-hush" not in str(state) and "aHVzaC1odXNo" not in str(state), "the state keeps secrets encrypted"
    with pytest.raises(InputError, match="deployed to the sandbox"):
        yard.refuse_sandbox_state(state)

    assert not yard.up(target, engine=engine).changed()
    assert not yard.refresh(target, engine=engine).changed()

    later = under(target, TIER="two", MODE="storm")
    renewed = yard.up(later, engine=engine)
    assert (renewed.changes["update"], renewed.changes["replace"]) == (1, 1)
    assert renewed.outputs["settings"] != name, "a new one is made, and the old one deleted"
    with pytest.raises(ApiException):
        client.get(admin, f"{MAPS}/{name}")

    accounts = "/api/v1/namespaces/team-a/serviceaccounts"
    drift = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "account", "labels": {"tier": "nine"}}}
    manager = client.get(admin, f"{accounts}/account")["metadata"]["managedFields"][0]["manager"]
    client.apply(admin, f"{accounts}/account", drift, manager)
    core: Any = CoreV1Api(admin)
    core.delete_namespaced_config_map(renewed.outputs["settings"], "team-a")
    old = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old"}, "data": {"a": "1"}}
    client.apply(admin, f"{MAPS}/old", old, "somebody")
    assert yard.refresh(later, engine=engine).changed()
    again = yard.up(under(later, IMPORT="team-a/old"), engine=engine)
    assert changed(again) == {"account": "update", "settings": "create", "old": "import"}, "what drifted is put right"

    yard.down(target, remove=True, engine=engine)
    assert sandbox.counts() == begun


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        pytest.param(
            "BEYOND", 'User "arn:aws:sts::123456789012:assumed-role/team/EKSGetTokenAuth" cannot', id="beyond-its-role"
        ),
        pytest.param(
            "STRANGER", "Unauthorized: arn:aws:iam::123456789012:role/stranger isn't let in", id="without-an-entry"
        ),
    ],
)
def test_a_caller_may_what_roles_in_the_cluster_let_its_groups(
    engine: Engine, target: StackTarget, asked: str, told: str
) -> None:
    with pytest.raises(OperationError) as raised:
        yard.up(under(target, **{asked: "1"}), engine=engine)
    assert told in str(raised.value)
    yard.down(target, remove=True, engine=engine)
