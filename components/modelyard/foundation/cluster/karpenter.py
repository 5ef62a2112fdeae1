"""Karpenter: what starts machines when pods wait for them, and hears when AWS takes one back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.core.access import Principal, Statement, policy_json
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.identity import Role
from modelyard.foundation.cluster.aws import EksCluster
from modelyard.foundation.cluster.charts import table
from modelyard.foundation.cluster.karpenter_policy import on_machines, on_the_rest
from modelyard.foundation.cluster.machines import machine_role
from modelyard.foundation.cluster.releases import Charts
from modelyard.foundation.keys import KeysLike
from modelyard.foundation.network import PlatformNetwork
from modelyard.foundation.tenancy import trust_service_account

_ACCOUNT: Final = "karpenter"
_KEPT_SECONDS: Final = 300
_EVENTS: Final[Mapping[str, tuple[str, str]]] = {
    "spot-interruption": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "state-change": ("aws.ec2", "EC2 Instance State-change Notification"),
    "capacity-reservation": ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
    "health": ("aws.health", "AWS Health Event"),
}
"""What it hears: source and detail-type (pkg/controllers/interruption/messages of the module)."""
_RESOURCES: Final = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}


class Karpenter(Component):
    """The controller of a cluster's machines: its identity, the queue that tells it of interruptions, and its charts.

    Machines get the role of `profile`: they join the cluster and pull images, no more. Node repair is on: what the
    monitoring agent finds broken is replaced.
    """

    CAPABILITY = "cluster"

    def __init__(
        self,
        name: str,
        *,
        context: Context,
        cluster: EksCluster,
        charts: Charts,
        network: PlatformNetwork,
        keys: KeysLike,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, None, context=context, transform=transform, opts=opts, written=cluster.written)
        for service in ("ec2", "eks", "sqs", "ssm", "sts"):
            network.use(service)
        self.security_groups: list[pulumi.Output[str]] = [*cluster.security_groups, network.security_group("training")]
        """What machines may get: the cluster's own, and that within which EFA may speak."""
        machines = self._machines(cluster)
        queue = self._queue()
        namespace = table()["karpenter"].namespace
        trusted = trust_service_account(context, cluster.cluster_name, namespace, _ACCOUNT)
        role = Role(
            self.named("controller"),
            context=context,
            trusted=trusted,
            description="Starts and ends machines",
            opts=self.options(),
        )
        places = [_arn(context, "security-group", group) for group in self.security_groups]
        places += [_arn(context, "subnet", subnet) for subnet in network.subnet_ids("private")]
        role.allow(self, "start and end machines", on_machines(context, cluster.cluster_name, places))
        role.allow(
            cluster,
            "find what machines need",
            on_the_rest(
                context, cluster.cluster_name, node_role=machines.arn, queue=queue.arn, key=keys.arn("cluster")
            ),
        )
        association = aws.eks.PodIdentityAssociation(
            self.named("identity"),
            cluster_name=cluster.made,
            namespace=namespace,
            service_account=_ACCOUNT,
            role_arn=role.arn,
            opts=self.options(depends_on=[role, cluster]),
        )
        self.release = charts.install(
            "karpenter",
            {
                "serviceAccount": {"name": _ACCOUNT},
                "settings": {
                    "clusterName": cluster.cluster_name,
                    "clusterEndpoint": cluster.endpoint,
                    "interruptionQueue": queue.name,
                    "isolatedVPC": True,
                    "featureGates": {"nodeRepair": True},
                },
                "controller": {"resources": _RESOURCES},
            },
            after=[association],
        )
        self.register_outputs({"profile": self.profile})

    def _machines(self, cluster: EksCluster) -> Role:
        """The role of machines, and the way into the cluster that comes with it."""
        role, _ = machine_role(self, "machine", "Machines of pools")
        profile = aws.iam.InstanceProfile(
            self.named("machine-profile"),
            name=self.physical("instance-profile", "machine"),
            path=self.context.names.path,
            role=role.role_name,
            opts=self.options(),
        )
        self.profile: pulumi.Output[str] = profile.name
        """The name of the machines' instance profile."""
        aws.eks.AccessEntry(
            self.named("machine-entry"),
            cluster_name=cluster.made,
            principal_arn=role.arn,
            type="EC2_LINUX",
            opts=self.options(depends_on=[cluster]),
        )
        return role

    def _queue(self) -> aws.sqs.Queue:
        queue = aws.sqs.Queue(
            self.named("interruptions"),
            name=self.physical("queue", "interruptions"),
            message_retention_seconds=_KEPT_SECONDS,
            sqs_managed_sse_enabled=True,
            opts=self.options(),
        )
        rules = [self._hears(name, *which, queue) for name, which in _EVENTS.items()]
        aws.sqs.QueuePolicy(
            self.named("interruptions-policy"),
            queue_url=queue.url,
            policy=policy_json(_only_rules(queue.arn, [rule.arn for rule in rules])),
            opts=self.options(),
        )
        return queue

    def _hears(self, name: str, source: str, detail_type: str, queue: aws.sqs.Queue) -> aws.cloudwatch.EventRule:
        rule = aws.cloudwatch.EventRule(
            self.named(f"{name}-rule"),
            name=self.physical("event-rule", name),
            description=f"Tells Karpenter: {detail_type}",
            event_pattern=pulumi.Output.json_dumps({"source": [source], "detail-type": [detail_type]}),
            opts=self.options(),
        )
        aws.cloudwatch.EventTarget(
            self.named(f"{name}-target"), rule=rule.name, arn=queue.arn, target_id="karpenter", opts=self.options()
        )
        return rule


def _only_rules(queue: pulumi.Input[str], rules: list[pulumi.Output[str]]) -> list[Statement]:
    """Rules of ours put messages in; nobody speaks to the queue in the clear."""
    events = Principal.service("events.amazonaws.com")
    clear: dict[str, dict[str, Any]] = {"Bool": {"aws:SecureTransport": "false"}}
    return [
        Statement(("sqs:SendMessage",), (queue,), {"ArnEquals": {"aws:SourceArn": rules}}, principal=events),
        Statement(("sqs:*",), (queue,), clear, effect="Deny", principal=Principal.everyone()),
    ]


def _arn(context: Context, kind: str, identity: pulumi.Output[str]) -> pulumi.Output[str]:
    """Of whichever account: subnets and groups may be shared."""
    return pulumi.Output.concat(f"arn:{context.partition}:ec2:{context.region}:*:{kind}/", identity)
