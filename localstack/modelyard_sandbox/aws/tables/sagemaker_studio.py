"""SageMaker Studio: domains, profiles, spaces and lifecycle configurations. Source: the SageMaker API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard_sandbox.aws.declare import Answer, Call, Tags, Type, fields

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_TAGS = Tags("list_tags", "add_tags", "delete_tags", {"ResourceArn": "arn"}, on_create="Tags")


def _of_arn(live: Live) -> dict[str, str]:
    """The domain and the name that the ARN of a profile or of a space holds."""
    _, domain, name = live.id.rsplit("/", 2)
    return {"domainId": domain, "name": name}


def _domain(live: Live) -> str:
    return _of_arn(live)["domainId"]


def _name(live: Live) -> str:
    return _of_arn(live)["name"]


def _created_domain(live: Live) -> str:
    return str(live.answer["DomainArn"]).rpartition("/")[2]


def _retention(live: Live) -> dict[str, str] | None:
    told: Any = live.get("retentionPolicy")
    return {"HomeEfsFileSystem": told.get("homeEfsFileSystem", "Retain")} if told else None


DOMAIN = Type(
    "aws:sagemaker/domain:Domain",
    "sagemaker",
    fields=fields("appNetworkAccessType", "appSecurityGroupManagement", "authMode", "defaultSpaceSettings")
    | fields("defaultUserSettings", "domainName", "domainSettings", "homeEfsFileSystemId", "kmsKeyId")
    | fields("securityGroupIdForDomainBoundary", "singleSignOnApplicationArn", "subnetIds", "tagPropagation", "url")
    | fields("singleSignOnManagedApplicationInstanceId", "vpcId", arn="DomainArn"),
    id=_created_domain,
    defaults={"appNetworkAccessType": "PublicInternetOnly", "tagPropagation": "DISABLED"},
    computed=(
        "arn",
        "homeEfsFileSystemId",
        "securityGroupIdForDomainBoundary",
        "singleSignOnApplicationArn",
        "singleSignOnManagedApplicationInstanceId",
        "url",
    ),
    create=Call("create_domain"),
    read=Call("describe_domain", {"DomainId": "id"}, fill=False),
    update=(
        Call(
            "update_domain",
            {
                "DomainId": "id",
                "DefaultUserSettings": "defaultUserSettings",
                "TagPropagation": "tagPropagation",
                "DefaultSpaceSettings": "defaultSpaceSettings",
            },
            fill=False,
            on=("defaultSpaceSettings", "defaultUserSettings", "tagPropagation"),
        ),
        Call(
            "update_domain",
            {"DomainId": "id", "DomainSettingsForUpdate": "domainSettings"},
            fill=False,
            on=("domainSettings",),
        ),
    ),  # fmt: skip
    delete=Call("delete_domain", {"DomainId": "id", "RetentionPolicy": _retention}, fill=False),
    replace=("domainSettings.securityGroupIds",),
    sets=("subnetIds",),
    tags=_TAGS,
)

PROFILE = Type(
    "aws:sagemaker/userProfile:UserProfile",
    "sagemaker",
    fields=fields("domainId", "homeEfsFileSystemUid", "singleSignOnUserIdentifier", "singleSignOnUserValue")
    | fields("userProfileName", "userSettings", arn="UserProfileArn"),
    id=Answer("UserProfileArn"),
    computed=("arn", "homeEfsFileSystemUid"),
    create=Call("create_user_profile"),
    read=Call("describe_user_profile", {"DomainId": _domain, "UserProfileName": _name}, fill=False),
    update=Call(
        "update_user_profile",
        {"DomainId": _domain, "UserProfileName": _name, "UserSettings": "userSettings"},
        fill=False,
        on=("userSettings",),
    ),
    delete=Call("delete_user_profile", {"DomainId": _domain, "UserProfileName": _name}, fill=False),
    tags=_TAGS,
)

SPACE = Type(
    "aws:sagemaker/space:Space",
    "sagemaker",
    fields=fields("domainId", "homeEfsFileSystemUid", "ownershipSettings", "spaceDisplayName", "spaceName")
    | fields("spaceSettings", "spaceSharingSettings", "url", arn="SpaceArn"),
    id=Answer("SpaceArn"),
    computed=("arn", "homeEfsFileSystemUid", "url"),
    create=Call("create_space"),
    read=Call("describe_space", {"DomainId": _domain, "SpaceName": _name}, fill=False),
    update=Call(
        "update_space",
        {
            "DomainId": _domain,
            "SpaceName": _name,
            "SpaceSettings": "spaceSettings",
            "SpaceDisplayName": "spaceDisplayName",
        },
        fill=False,
        on=("spaceDisplayName", "spaceSettings"),
    ),  # fmt: skip
    delete=Call("delete_space", {"DomainId": _domain, "SpaceName": _name}, fill=False),
    tags=_TAGS,
)

LIFECYCLE_CONFIG = Type(
    "aws:sagemaker/studioLifecycleConfig:StudioLifecycleConfig",
    "sagemaker",
    fields=fields("studioLifecycleConfigAppType", "studioLifecycleConfigContent", "studioLifecycleConfigName")
    | {"arn": "StudioLifecycleConfigArn"},
    id="studioLifecycleConfigName",
    computed=("arn",),
    create=Call("create_studio_lifecycle_config"),
    read=Call("describe_studio_lifecycle_config", {"StudioLifecycleConfigName": "id"}, fill=False),
    delete=Call("delete_studio_lifecycle_config", {"StudioLifecycleConfigName": "id"}, fill=False),
    tags=_TAGS,
)

TYPES = (DOMAIN, PROFILE, SPACE, LIFECYCLE_CONFIG)
