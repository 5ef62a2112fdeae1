"""Identities on a cluster of EKS: pods that act in AWS, and roles of AWS that act in the cluster."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from modelyard.core.access import PendingAddress, Statement, Thing, trust_federated
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Source
from modelyard.core.identity import Role
from modelyard.foundation.cluster import trust_pods
from modelyard.foundation.tenancy.kubernetes_roles import Member, group_of

if TYPE_CHECKING:
    from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict


def trust_service_account(context: Context, cluster: str, namespace: str, account: str) -> list[Statement]:
    """Lets pods of one service account of one namespace assume a role by EKS Pod Identity.

    An association that switches the session's tags off doesn't get in. Source: eks/latest/userguide/pod-id-role.
    """
    whose = {
        "aws:RequestTag/kubernetes-namespace": namespace,
        "aws:RequestTag/kubernetes-service-account": account,
    }
    return [
        dataclasses.replace(
            statement,
            conditions={
                **statement.conditions,
                "StringEquals": {**statement.conditions.get("StringEquals", {}), **whose},
            },
        )
        for statement in trust_pods(context, cluster)
    ]


class ServiceAccountRole(Component):
    """A service account in the owner's namespace whose pods act in AWS as a role of its own.

    Grants go to it as to a role: `lake.grant_read(account, …)`. `cluster`: the cluster's name on EKS. `issuer`: that of
    the cluster's tokens; where it is given, what asks on behalf of the account with a token of its, as External Secrets
    does, may be the role, too. Absent: only pods are.
    """

    CAPABILITY = "tenancy"

    def __init__(
        self,
        name: str,
        *,
        context: Context,
        cluster: str,
        description: str,
        issuer: str | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        written: Source | None = None,
    ) -> None:
        super().__init__(name, None, context=context, transform=transform, opts=opts, written=written)
        self.namespace: str = context.names.namespace
        self.service_account: str = self.physical("kubernetes")
        trusted = trust_service_account(context, cluster, self.namespace, self.service_account)
        if issuer is not None:
            subject = f"system:serviceaccount:{self.namespace}:{self.service_account}"
            trusted.append(trust_federated(context, issuer, "sts.amazonaws.com", subjects=[subject]))
        self.identity = Role(
            self.named("identity"), context=context, trusted=trusted, description=description, opts=self.options()
        )
        metadata: ObjectMetaArgsDict = {"name": self.service_account, "namespace": self.namespace}
        if issuer is not None:
            metadata["annotations"] = {"eks.amazonaws.com/role-arn": self.identity.arn}
        association = aws.eks.PodIdentityAssociation(
            self.named("association"),
            cluster_name=cluster,
            namespace=self.namespace,
            service_account=self.service_account,
            role_arn=self.identity.arn,
            disable_session_tags=False,
            opts=self.options(),
        )
        self.account = kubernetes.core.v1.ServiceAccount(
            self.named("account"),
            metadata=metadata,
            automount_service_account_token=False,
            opts=self.options(depends_on=[association]),
        )
        self.arn: pulumi.Output[str] = self.identity.arn
        self.register_outputs({"arn": self.arn})

    def allow(
        self,
        thing: Thing,
        intent: str,
        statements: Sequence[Statement],
        addresses: Sequence[PendingAddress] = (),
    ) -> None:
        """Take a grant from `thing`. Raises `AccessError` once the program has ended."""
        self.identity.allow(thing, intent, statements, addresses)


class ClusterAccess(Component):
    """Lets roles of AWS into a cluster of EKS as members of a team: each may in its namespace what its group may.

    No policy of AWS comes with it. `roles`: ARNs by member; each must exist, since EKS refuses others. `cluster`: the
    cluster's name. Source: eks/latest/userguide/access-entries.
    """

    CAPABILITY = "tenancy"

    def __init__(
        self,
        name: str,
        roles: Mapping[Member, pulumi.Input[str]],
        *,
        context: Context,
        cluster: pulumi.Input[str],
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        written: Source | None = None,
    ) -> None:
        super().__init__(name, None, context=context, transform=transform, opts=opts, written=written)
        for member, arn in roles.items():
            aws.eks.AccessEntry(
                self.named(member),
                cluster_name=cluster,
                principal_arn=arn,
                type="STANDARD",
                kubernetes_groups=[group_of(context, member)],
                opts=self.options(),
            )
        self.register_outputs({})
