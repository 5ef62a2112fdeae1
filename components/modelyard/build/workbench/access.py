"""What a person may do in Studio, as IAM statements: what is theirs, and on the types that the spec allows.

Source of actions and keys: service-authorization/latest/reference/list_amazonsagemakerai, and
sagemaker/latest/dg/studio-updated-jl-admin-guide-permissions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi

from modelyard.build.workbench.spec import Editor, WorkbenchSpec
from modelyard.core.access import Principal, Statement
from modelyard.core.actions import FOR_SERVICES, WRITE_LOGS
from modelyard.core.context import Context

OPEN: Final = "sagemaker:CreatePresignedDomainUrl"
WHO: Final = ("${aws:SourceIdentity}", "${sagemaker:UserProfileName}")
"""By what a session in Studio says whose it is: the source identity, which the domain sets to the profile's name, and
the variable of AWS's own managed policies. A statement for each: a variable without a value matches nothing."""
APP_TYPES: Final[Mapping[Editor, str]] = {"jupyterlab": "JupyterLab", "code-editor": "CodeEditor"}
_APP_TYPES_IN_ARNS: Final[Mapping[Editor, str]] = {"jupyterlab": "?upyter?ab", "code-editor": "?ode?ditor"}
"""In either spelling: ARNs of apps carry the type in lower case, and the reference doesn't say so."""


def own_profile(context: Context, domain_id: pulumi.Input[str], profile: str) -> pulumi.Output[str]:
    """The ARN of a profile of the domain."""
    return _inside(context, "user-profile", domain_id, profile)


def _inside(context: Context, kind: str, domain_id: pulumi.Input[str], rest: str) -> pulumi.Output[str]:
    return pulumi.Output.concat(context.arn("sagemaker", f"{kind}/"), domain_id, f"/{rest}")


def may_open(
    context: Context, domain_id: pulumi.Input[str], profiles: Mapping[str, str], people: Sequence[str]
) -> list[Statement]:
    """Lets each of these people, in sessions under their own names, open their own profile.

    `profiles`: by person. The name is the session's, which nobody chooses for themselves (`aws:userid` ends in it).
    """
    return [
        Statement(
            (OPEN,),
            (own_profile(context, domain_id, profiles[person]),),
            {"StringLike": {"aws:userid": f"*:{person}"}},
        )
        for person in people
    ]


def may_work(context: Context, spec: WorkbenchSpec, *, domain_id: pulumi.Output[str]) -> list[Statement]:
    """Lets whoever works in Studio start, stop and size the apps of their own spaces, and see what there is.

    An app names its type: a space may still remember one that is allowed no more. Images are AWS's: which team an image
    of the account belongs to, no key says.
    """
    apps = tuple(_inside(context, "app", domain_id, f"*/{_APP_TYPES_IN_ARNS[editor]}/*") for editor in spec.editors)
    spaces = _inside(context, "space", domain_id, "*")
    statements: list[Statement] = []
    for who in WHO:
        profile = own_profile(context, domain_id, who)
        owned = {
            "ArnEquals": {"sagemaker:OwnerUserProfileArn": profile},
            "StringEquals": {"sagemaker:SpaceSharingType": "Private"},
        }
        statements += [
            Statement(("sagemaker:CreateApp", "sagemaker:DeleteApp", "sagemaker:UpdateSpace"), (*apps, spaces), owned),
            Statement((OPEN, "sagemaker:DescribeUserProfile"), (profile,)),
        ]
    domain = pulumi.Output.concat(context.arn("sagemaker", "domain/"), domain_id)
    tagged = {"StringEquals": {"sagemaker:TaggingAction": "CreateApp"}}
    see = ("sagemaker:DescribeApp", "sagemaker:DescribeDomain", "sagemaker:DescribeSpace")
    return [
        *statements,
        Statement(("sagemaker:AddTags",), apps, tagged),
        Statement(see, (*apps, domain, spaces)),
        Statement(("sagemaker:ListApps", "sagemaker:ListSpaces"), ("*",)),
        *_within(context, spec),
    ]


def _within(context: Context, spec: WorkbenchSpec) -> list[Statement]:
    """What no app and no space may be, whatever else is granted."""

    def refused(sid: str, *actions: str, **conditions: Any) -> Statement:
        written = {operator.replace("__", ":"): tests for operator, tests in conditions.items()}
        return Statement(actions, ("*",), written, "Deny", sid=sid)

    create, update = "sagemaker:CreateApp", "sagemaker:UpdateSpace"
    types = {"sagemaker:InstanceTypes": list(spec.instance_types)}
    images = {"sagemaker:ImageArns": context.arn("sagemaker", "image/*")}
    versions = {"sagemaker:ImageVersionArns": context.arn("sagemaker", "image-version/*")}
    return [
        refused("AllowedTypes", create, update, ForAnyValue__StringNotEquals=types),
        refused("ATypeIsNamed", create, Null={"sagemaker:InstanceTypes": "true"}),
        refused("ImagesOfAws", create, update, ForAnyValue__ArnLike=images),
        refused("VersionsOfAws", create, update, ForAnyValue__ArnLike=versions),
        refused("NoWayInFromOutside", update, StringEquals={"sagemaker:RemoteAccess": "ENABLED"}),
    ]


def may_run(context: Context, *, key_arn: pulumi.Output[str]) -> list[Statement]:
    """Lets an app start: its log, and its disk. Its network interface is made by SageMaker's own role.

    Source: sagemaker/latest/dg/sagemaker-roles, "CreateDomain API"; encryption-at-rest.
    """
    return [
        Statement(WRITE_LOGS, (context.arn("logs", "log-group:/aws/sagemaker/studio*"),)),
        Statement(("kms:CreateGrant",), (key_arn,), FOR_SERVICES),
        Statement(("kms:DescribeKey",), (key_arn,)),
    ]


def nobody_who_left(profiles: Sequence[str]) -> list[Statement]:
    """Ends what those who left still have open: a session in Studio outlives the one that it was opened from."""
    if not profiles:
        return []
    gone = {"StringEquals": {"aws:SourceIdentity": list(profiles)}}
    return [Statement(("*",), ("*",), gone, "Deny", sid="WhoLeftIsOut")]


def key_use(context: Context) -> list[Statement]:
    """What the key of a team must let the platform's deployment do, so that a domain's home is encrypted with it.

    Elastic File System asks in the name of whoever creates the domain, who is no role of the team's and has no use of
    its key otherwise. Source: efs/latest/ug/encryption-at-rest, "Amazon EFS key policies for AWS KMS".
    """
    everybodys = context.arn("iam", f"role{context.names.everybodys_path}*", regional=False)
    services = [f"{name}.{context.region}.amazonaws.com" for name in ("elasticfilesystem", "sagemaker")]
    through = {
        "ArnNotLike": {"aws:PrincipalArn": everybodys},
        "StringEquals": {"kms:CallerAccount": context.account, "kms:ViaService": services},
    }
    account = Principal.account(context.account, context.partition)
    return [
        Statement(
            ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"),
            ("*",),
            through,
            principal=account,
            sid="DeployersMakeTheHome",
        ),
        Statement(
            ("kms:CreateGrant",),
            ("*",),
            {**through, **FOR_SERVICES},
            principal=account,
            sid="DeployersLetTheHomeUseIt",
        ),
    ]
