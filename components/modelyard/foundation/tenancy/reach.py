"""How far a team reaches: the names below which everything that is the team's lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from modelyard.core.access import Statement
from modelyard.core.context import Context
from modelyard.core.names import PLATFORM_TEAM
from modelyard.foundation.tenancy.admitted import Admitted, admitted

_FENCE: Final = "fence"

PASSED_TO: Final = (
    "batch.amazonaws.com",
    "ecs-tasks.amazonaws.com",
    "events.amazonaws.com",
    "firehose.amazonaws.com",
    "glue.amazonaws.com",
    "lambda.amazonaws.com",
    "sagemaker.amazonaws.com",
    "scheduler.amazonaws.com",
    "states.amazonaws.com",
)
"""Services that may act by a role of the team's."""

IAM_WRITES: Final = (
    "iam:Add*",
    "iam:Attach*",
    "iam:Create*",
    "iam:Delete*",
    "iam:Detach*",
    "iam:Put*",
    "iam:Remove*",
    "iam:Set*",
    "iam:Tag*",
    "iam:Untag*",
    "iam:Update*",
)

SHARED_WRITES: Final = (
    "cloudtrail:LookupEvents",
    "cloudtrail:Put*",
    "cloudtrail:StopLogging",
    "ecr:PutReg*",
    "ecr:PutReplicationConfiguration",
    "events:PutPermission",
    "events:RemovePermission",
    "glue:*ResourcePolicy",
    "glue:PutDataCatalogEncryptionSettings",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "lakeformation:*Permissions",
    "lakeformation:PutDataLakeSettings",
    "lakeformation:RegisterResource*",
    "logs:*AccountPolicy",
    "logs:*ResourcePolicy",
    "s3:PutAccountPublicAccessBlock",
    "sagemaker:*ResourcePolicy",
)
"""What changes things of the whole account, or opens what is encrypted to others."""

NAMED_INSIDE_ANOTHERS: Final = (
    "sagemaker:CreateSpace",
    "sagemaker:CreateUserProfile",
    "sagemaker:RegisterDevices",
)
"""What makes things inside a domain or a fleet and asks for the new thing's ARN alone: in another team's, too.

IAM can't tell whose domain it is: SageMaker gives it its id, and the new thing has no tag yet.
"""


@dataclass(frozen=True, slots=True)
class Reach:
    """The ARNs of a team, all known before anything exists; `context` is the team's."""

    context: Context
    adopted: tuple[str, ...] = ()
    """ARNs of what the team takes over, which lies below no name of its own; the platform says so."""
    admitted: Admitted = field(default_factory=admitted)
    """What of AWS it reaches there."""

    @property
    def prefix(self) -> str:
        """What every physical name of the team begins with; no other team's name begins so."""
        return "-".join((*self.context.names.owner, ""))

    @property
    def boundary_name(self) -> str:
        """The name of the permissions boundary."""
        return self.context.names.of("iam-policy", _FENCE, "boundary")

    @property
    def boundary(self) -> str:
        """The ARN of the permissions boundary."""
        return self._iam(f"policy{self.context.names.path}{self.boundary_name}")

    @property
    def deployment_role_name(self) -> str:
        """The name of the deployment role."""
        return self.context.names.of("iam-role", _FENCE, "deployment")

    @property
    def deployment_role(self) -> str:
        """The ARN of the deployment role."""
        return self._iam(f"role{self.context.names.path}{self.deployment_role_name}")

    def fence_policy_name(self, role: str) -> str:
        """The name of a managed policy of the deployment role."""
        return self.context.names.of("iam-policy", _FENCE, role)

    def fence_policy(self, role: str) -> str:
        """The ARN of a managed policy of the deployment role."""
        return self._iam(f"policy{self.context.names.path}{self.fence_policy_name(role)}")

    @property
    def roles(self) -> str:
        """The ARNs of the team's roles."""
        return self._iam(f"role{self.context.names.path}*")

    @property
    def policies(self) -> str:
        """The ARNs of the team's managed policies."""
        return self._iam(f"policy{self.context.names.path}*")

    @property
    def keys(self) -> str:
        """The ARNs of the account's keys; whose each of them is, its own policy says."""
        return self.context.arn("kms", "key/*")

    @property
    def log_groups(self) -> str:
        """The ARNs of the team's log groups and of their streams."""
        return self.context.arn("logs", f"log-group:{self.context.names.path}*")

    @property
    def repositories(self) -> str:
        """The ARNs of the team's image repositories."""
        return self.context.arn("ecr", f"repository/{self.prefix}*")

    @property
    def buses(self) -> str:
        """The ARNs of the owner's event buses."""
        return self.context.arn("events", f"event-bus/{self.prefix}*")

    @property
    def asked(self) -> dict[str, dict[str, str]]:
        """The condition that what is made bears the team's tag."""
        return {"StringEquals": {"aws:RequestTag/team": self.context.owner}}

    @property
    def owned(self) -> dict[str, dict[str, str]]:
        """The condition that what exists bears the team's tag."""
        return {"StringEquals": {"aws:ResourceTag/team": self.context.owner}}

    @property
    def functions(self) -> str:
        """The ARNs of the team's functions."""
        return self.context.arn("lambda", f"function:{self.prefix}*")

    @property
    def things(self) -> tuple[str, ...]:
        """The ARNs of what the team's code works with, service by service; keys, logs and images aside."""
        return (*(self._place(*place) for place in self.admitted.things), *self.adopted)

    @property
    def made_by_the_stack(self) -> tuple[str, ...]:
        """The ARNs of what the team's stack makes and its code doesn't touch, such as alarms, rules and schedules."""
        return tuple(self._place(*place) for place in self.admitted.made)

    @property
    def shared(self) -> tuple[str, ...]:
        """The ARNs of what code reaches and bears no name of the team's: a service's own, and what has a number."""
        return tuple(self._place(*place) for place in (*self.admitted.shared, *self.admitted.numbers))

    def _place(self, service: str, pattern: str) -> str:
        own = f"{self.prefix}*"
        named = pattern.format(own=own, tables=own.replace("-", "_"), path=self.context.names.path)
        if service == "s3":
            return f"arn:{self.context.partition}:s3:::{named}"
        return self.context.arn(service, named, regional=not pattern.startswith("dashboard/"))

    @property
    def anything(self) -> tuple[str, ...]:
        """Patterns of all ARNs below the team's names, for conditions: those take a wildcard for the service."""
        region, account, own = self.context.region, self.context.account, f"{self.prefix}*"
        start = f"arn:{self.context.partition}:*:{region}:{account}"
        return (f"{start}:{own}", f"{start}:*:{own}", f"{start}:*/{own}", f"{start}:*:{self.context.names.path}*")

    def fenced_tag(self) -> Statement:
        """The `team` tag says nothing but the team's own name, and nobody takes it away, whatever the service.

        A removal names the key and gives no value, so that it differs from the team's name as well. Every action that
        tells IAM the values of tags tells it their keys (service authorization reference).
        """
        other = {"aws:RequestTag/team": self.context.owner}
        named = {"aws:TagKeys": ["team"]}
        conditions = {"ForAnyValue:StringEqualsIgnoreCase": named, "StringNotEquals": other}
        return Statement(("*",), ("*",), conditions, "Deny", sid="TeamTag")

    def nothing_of_others(self) -> Statement:
        """What carries the tag of another team is out of reach, as far as its service tells IAM the tag.

        A second wall: the first is made of names. What is tagged as the platform's is shared.
        """
        key = "aws:ResourceTag/team"
        shared = [self.context.owner, PLATFORM_TEAM]
        conditions = {"Null": {key: "false"}, "StringNotEquals": {key: shared}}
        return Statement(("*",), ("*",), conditions, "Deny", sid="OthersTag")

    def own_models(self) -> Statement:
        """Jobs and endpoints run the team's own models: a transform acts by its model's role, and passes none.

        An endpoint names several models; what names none is met by no value.
        """
        models = f"arn:{self.context.partition}:sagemaker:*:*:model/{self.prefix}*"
        conditions = {"ForAnyValue:ArnNotLike": {"sagemaker:ModelArn": models}}
        return Statement(("sagemaker:Create*",), ("*",), conditions, "Deny", sid="OwnModels")

    def only_the_promotion_decides(self) -> Statement:
        """Nobody but the registry's state machine approves or rejects a version of a model."""
        conditions = {
            "StringEquals": {"sagemaker:ModelApprovalStatus": ["Approved", "Rejected"]},
            "StringNotLike": {"aws:PrincipalArn": f"*/{self.prefix}registry-promotion"},
        }
        return Statement(("sagemaker:*ModelPackage",), ("*",), conditions, "Deny", sid="Approvals")

    def own_numbers(self) -> list[Statement]:
        """What AWS gives a number for a name is the team's where its tag says so, and nobody's where it has none."""
        if not self.admitted.numbered:
            return []
        conditions = {"StringNotEquals": {"aws:ResourceTag/team": self.context.owner}}
        return [Statement(self.admitted.numbered, ("*",), conditions, "Deny", sid="OwnNumbers")]

    def own_apps(self) -> Statement:
        """Apps run in spaces of the team's own profiles, which the platform makes, in the team's domain alone.

        What has no owner has no such name, so without a workbench nobody makes an app.
        """
        conditions = {"StringNotLike": {"sagemaker:OwnerUserProfileArn": f"*/{self.prefix}*"}}
        return Statement(("sagemaker:CreateApp",), ("*",), conditions, "Deny", sid="OwnApps")

    def pass_roles(self) -> Statement:
        """The team's own roles may be handed to services that work for it."""
        services = [
            *PASSED_TO,
            *(["ec2.amazonaws.com"] if self.admitted.computes else []),
            *(["apigateway.amazonaws.com"] if self.admitted.opens else []),
            *(["pods.eks.amazonaws.com"] if self.admitted.joins else []),
        ]
        return Statement(
            ("iam:PassRole",),
            (self.roles,),
            {"StringEquals": {"iam:PassedToService": services}},
            sid="OwnRolesToServices",
        )

    def no_grants_by_hand(self) -> Statement:
        """A grant on a key is for a service that asks for itself, never for a principal that somebody chose."""
        return Statement(
            ("kms:CreateGrant",),
            ("*",),
            {"BoolIfExists": {"kms:GrantIsForAWSResource": "false"}},
            "Deny",
            sid="NoGrantsByHand",
        )

    def _iam(self, resource: str) -> str:
        return self.context.arn("iam", resource, regional=False)
