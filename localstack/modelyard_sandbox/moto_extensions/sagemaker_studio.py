"""SageMaker Studio: domains with a home on EFS, user profiles, spaces, apps and lifecycle configurations."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any, Final

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.efs.models import efs_backends
from moto.moto_api._internal import mock_random
from moto.sagemaker.exceptions import ResourceInUseException, ResourceNotFound, ValidationError
from moto.sagemaker.responses import SageMakerResponse

from modelyard_sandbox.moto_extensions.sagemaker_tags import tagged

_STORE: Final = "_modelyard_studio"
_KINDS: Final = (":domain/", ":user-profile/", ":space/", ":app/", ":studio-lifecycle-config/")
_SETTINGS: Final = {"JupyterLab": "JupyterLabAppSettings", "CodeEditor": "CodeEditorAppSettings"}


@dataclass
class Thing:
    """Anything of Studio's: its ARN, what its Describe operation shows, and its tags."""

    arn: str
    shown: dict[str, Any]
    tags: list[dict[str, str]]


@dataclass
class Studio:
    """What Studio has in one account and region."""

    domains: dict[str, Thing] = field(default_factory=dict[str, Thing])
    profiles: dict[tuple[str, str], Thing] = field(default_factory=dict[tuple[str, str], Thing])
    spaces: dict[tuple[str, str], Thing] = field(default_factory=dict[tuple[str, str], Thing])
    apps: dict[tuple[str, str, str, str], Thing] = field(default_factory=dict[tuple[str, str, str, str], Thing])
    configs: dict[str, Thing] = field(default_factory=dict[str, Thing])

    def by_arn(self, arn: str) -> Thing:
        """The thing of this ARN. Raises `ResourceNotFound`."""
        for kind in (self.domains, self.profiles, self.spaces, self.apps, self.configs):
            for thing in kind.values():
                if thing.arn == arn:
                    return thing
        raise ResourceNotFound(f"Could not find {arn}")


def studio(backend: Any) -> Studio:
    """What a backend has of Studio; a reset of the backend takes it away."""
    return backend.__dict__.setdefault(_STORE, Studio())


def _arn(backend: Any, rest: str) -> str:
    return f"arn:{backend.partition}:sagemaker:{backend.region_name}:{backend.account_id}:{rest}"


def _given(response: Any, *names: str) -> dict[str, Any]:
    asked = {name: response._get_param(name) for name in names}
    return {name: value for name, value in asked.items() if value is not None}


def _made(arn: str, shown: dict[str, Any], tags: list[dict[str, str]] | None) -> Thing:
    now = utcnow()
    return Thing(arn, {**shown, "Status": "InService", "CreationTime": now, "LastModifiedTime": now}, list(tags or []))


def _found(kind: dict[Any, Thing], key: Any, what: str) -> Thing:
    if key not in kind:
        raise ResourceNotFound(f"{what} [{key if isinstance(key, str) else '/'.join(key)}] does not exist.")
    return kind[key]


def _of_domain(response: Any) -> tuple[Studio, str, Thing]:
    known, domain = studio(response.sagemaker_backend), response._get_param("DomainId")
    return known, domain, _found(known.domains, domain, "Domain")


def _inside(kind: dict[Any, Thing], domain: str) -> list[Thing]:
    return [thing for key, thing in kind.items() if key[0] == domain]


def create_domain(self: Any) -> ActionResult:
    """CreateDomain; its home is a file system that is there on its own."""
    backend, known = self.sagemaker_backend, studio(self.sagemaker_backend)
    names = ("DomainName", "AuthMode", "DefaultUserSettings", "DomainSettings", "SubnetIds", "VpcId", "KmsKeyId")
    given = _given(self, *names, "AppNetworkAccessType", "TagPropagation", "DefaultSpaceSettings")
    if any(thing.shown["DomainName"] == given["DomainName"] for thing in known.domains.values()):
        raise ResourceInUseException(f"Domain with name {given['DomainName']} already exists.")
    if not given["DefaultUserSettings"].get("ExecutionRole"):
        raise ValidationError("DefaultUserSettings.ExecutionRole is required")
    domain = f"d-{mock_random.get_random_hex(12)}"
    home = efs_backends[backend.account_id][backend.region_name].create_file_system(
        creation_token=domain,
        performance_mode="generalPurpose",
        encrypted=True,
        kms_key_id=given.get("KmsKeyId", ""),
        throughput_mode="bursting",
        provisioned_throughput_in_mibps=0,
        availability_zone_name="",
        backup=False,
        tags=[{"Key": "ManagedByAmazonSageMakerResource", "Value": _arn(backend, f"domain/{domain}")}],
    )
    shown = {
        "AppNetworkAccessType": "PublicInternetOnly",
        "TagPropagation": "DISABLED",
        **given,
        "DomainId": domain,
        "DomainArn": _arn(backend, f"domain/{domain}"),
        "HomeEfsFileSystemId": home.file_system_id,
        "SecurityGroupIdForDomainBoundary": f"sg-{mock_random.get_random_hex(17)}",
        "Url": f"https://{domain}.studio.{backend.region_name}.sagemaker.aws",
    }
    known.domains[domain] = _made(shown["DomainArn"], shown, self._get_param("Tags"))
    return ActionResult({"DomainArn": shown["DomainArn"], "DomainId": domain, "Url": shown["Url"]})


def describe_domain(self: Any) -> ActionResult:
    """DescribeDomain."""
    return ActionResult(_of_domain(self)[2].shown)


def list_domains(self: Any) -> ActionResult:
    """ListDomains."""
    return ActionResult({"Domains": [thing.shown for thing in studio(self.sagemaker_backend).domains.values()]})


def update_domain(self: Any) -> ActionResult:
    """UpdateDomain: what is given replaces what stood there; who works may be told apart only while nobody does."""
    known, domain, thing = _of_domain(self)
    names = ("DefaultUserSettings", "DefaultSpaceSettings", "SubnetIds", "AppNetworkAccessType", "TagPropagation")
    changed, settings = _given(self, *names), self._get_param("DomainSettingsForUpdate")
    if settings:
        before = thing.shown.get("DomainSettings") or {}
        role = "ExecutionRoleIdentityConfig"
        if settings.get(role, before.get(role)) != before.get(role) and _inside(known.apps, domain):
            raise ResourceInUseException(f"Cannot update {role}: apps of the domain are running.")
        changed["DomainSettings"] = {**before, **settings}
    thing.shown |= {**changed, "LastModifiedTime": utcnow()}
    return ActionResult({"DomainArn": thing.arn})


def delete_domain(self: Any) -> EmptyResult:
    """DeleteDomain: profiles and spaces go first; the home stays unless it is told to go."""
    known, domain, thing = _of_domain(self)
    for kind, what in ((known.profiles, "user profiles"), (known.spaces, "spaces")):
        if held := _inside(kind, domain):
            raise ResourceInUseException(f"Unable to delete Domain {domain}: it has {len(held)} {what}.")
    if (self._get_param("RetentionPolicy") or {}).get("HomeEfsFileSystem") == "Delete":
        backend = self.sagemaker_backend
        efs_backends[backend.account_id][backend.region_name].delete_file_system(thing.shown["HomeEfsFileSystemId"])
    del known.domains[domain]
    return EmptyResult()


def create_user_profile(self: Any) -> ActionResult:
    """CreateUserProfile, whose name is taken once, whatever its letters' case."""
    known, domain, owner = _of_domain(self)
    given = _given(self, "UserProfileName", "UserSettings", "SingleSignOnUserIdentifier", "SingleSignOnUserValue")
    name = given["UserProfileName"]
    if any(key[1].casefold() == name.casefold() for key in known.profiles if key[0] == domain):
        raise ResourceInUseException(f"User Profile {name} already exists.")
    if owner.shown["AuthMode"] == "IAM" and "SingleSignOnUserValue" in given:
        raise ValidationError("SingleSignOnUserValue is for domains whose AuthMode is SSO")
    arn = _arn(self.sagemaker_backend, f"user-profile/{domain}/{name}")
    uid = str(200_000 + len(known.profiles))
    shown = {**given, "DomainId": domain, "UserProfileArn": arn, "HomeEfsFileSystemUid": uid}
    known.profiles[domain, name] = _made(arn, shown, self._get_param("Tags"))
    return ActionResult({"UserProfileArn": arn})


def _profile(response: Any) -> tuple[Studio, tuple[str, str], Thing]:
    known, domain, _ = _of_domain(response)
    key = (domain, response._get_param("UserProfileName"))
    return known, key, _found(known.profiles, key, "UserProfile")


def describe_user_profile(self: Any) -> ActionResult:
    """DescribeUserProfile."""
    return ActionResult(_profile(self)[2].shown)


def update_user_profile(self: Any) -> ActionResult:
    """UpdateUserProfile."""
    _, _, thing = _profile(self)
    thing.shown |= {**_given(self, "UserSettings"), "LastModifiedTime": utcnow()}
    return ActionResult({"UserProfileArn": thing.arn})


def delete_user_profile(self: Any) -> EmptyResult:
    """DeleteUserProfile: its spaces go first."""
    known, key, _ = _profile(self)
    owned = [thing for thing in _inside(known.spaces, key[0]) if _owner(thing) == key[1]]
    if owned:
        raise ResourceInUseException(f"Unable to delete UserProfile {key[1]}: it owns {len(owned)} spaces.")
    del known.profiles[key]
    return EmptyResult()


def list_user_profiles(self: Any) -> ActionResult:
    """ListUserProfiles."""
    return ActionResult({"UserProfiles": [t.shown for t in _listed(self, studio(self.sagemaker_backend).profiles)]})


def create_presigned_domain_url(self: Any) -> ActionResult:
    """CreatePresignedDomainUrl, for domains whose people IAM lets in."""
    _, _, owner = _of_domain(self)
    _profile(self)
    if owner.shown["AuthMode"] != "IAM":
        raise ValidationError("CreatePresignedDomainUrl is for domains whose AuthMode is IAM")
    return ActionResult({"AuthorizedUrl": f"{owner.shown['Url']}/auth?token={mock_random.get_random_hex(32)}"})


def _owner(space: Thing) -> str:
    return (space.shown.get("OwnershipSettings") or {}).get("OwnerUserProfileName", "")


def _check_disk(domain: Thing, settings: dict[str, Any]) -> None:
    disk = (settings.get("SpaceStorageSettings") or {}).get("EbsStorageSettings") or {}
    defaults = (domain.shown["DefaultUserSettings"].get("SpaceStorageSettings") or {}).get("DefaultEbsStorageSettings")
    most = (defaults or {}).get("MaximumEbsVolumeSizeInGb")
    if most is not None and disk.get("EbsVolumeSizeInGb", 0) > most:
        raise ValidationError(f"EbsVolumeSizeInGb {disk['EbsVolumeSizeInGb']} is more than the domain allows, {most}")


def create_space(self: Any) -> ActionResult:
    """CreateSpace: a private one has an owner and an app's type; its disk is no larger than the domain allows."""
    known, domain, owner = _of_domain(self)
    given = _given(self, "SpaceName", "SpaceSettings", "OwnershipSettings", "SpaceSharingSettings", "SpaceDisplayName")
    key = (domain, given["SpaceName"])
    if key in known.spaces:
        raise ResourceInUseException(f"Space {key[1]} already exists.")
    if ("OwnershipSettings" in given) != ("SpaceSharingSettings" in given):
        raise ValidationError("OwnershipSettings and SpaceSharingSettings are given together, or not at all")
    if "OwnershipSettings" in given:
        _found(known.profiles, (domain, given["OwnershipSettings"]["OwnerUserProfileName"]), "UserProfile")
        if not given.get("SpaceSettings", {}).get("AppType"):
            raise ValidationError("SpaceSettings.AppType is required for a space that has an owner")
    elif not owner.shown.get("DefaultSpaceSettings"):
        raise ValidationError("A shared space needs the domain's DefaultSpaceSettings")
    _check_disk(owner, given.get("SpaceSettings", {}))
    arn = _arn(self.sagemaker_backend, f"space/{domain}/{key[1]}")
    url = f"{owner.shown['Url']}/{given.get('SpaceSettings', {}).get('AppType', 'jupyter').lower()}/{key[1]}"
    uid = str(300_000 + len(known.spaces))
    shown = {**given, "DomainId": domain, "SpaceArn": arn, "Url": url, "HomeEfsFileSystemUid": uid}
    known.spaces[key] = _made(arn, shown, self._get_param("Tags"))
    return ActionResult({"SpaceArn": arn})


def _space(response: Any) -> tuple[Studio, tuple[str, str], Thing]:
    known, domain, _ = _of_domain(response)
    key = (domain, response._get_param("SpaceName"))
    return known, key, _found(known.spaces, key, "Space")


def describe_space(self: Any) -> ActionResult:
    """DescribeSpace."""
    return ActionResult(_space(self)[2].shown)


def update_space(self: Any) -> ActionResult:
    """UpdateSpace: settings and display name; a disk only grows."""
    known, key, thing = _space(self)
    changed = _given(self, "SpaceSettings", "SpaceDisplayName")
    settings = changed.get("SpaceSettings", {})
    _check_disk(known.domains[key[0]], settings)
    before, after = _disk(thing.shown.get("SpaceSettings") or {}), _disk(settings)
    if after is not None and before is not None and after < before:
        raise ValidationError(f"EbsVolumeSizeInGb can't shrink from {before} to {after}")
    if "SpaceSettings" in changed:
        changed["SpaceSettings"] = {**(thing.shown.get("SpaceSettings") or {}), **settings}
    thing.shown |= {**changed, "LastModifiedTime": utcnow()}
    return ActionResult({"SpaceArn": thing.arn})


def _disk(settings: dict[str, Any]) -> int | None:
    return ((settings.get("SpaceStorageSettings") or {}).get("EbsStorageSettings") or {}).get("EbsVolumeSizeInGb")


def delete_space(self: Any) -> EmptyResult:
    """DeleteSpace: its app goes first, and its disk goes with it."""
    known, key, _ = _space(self)
    if any(app[:2] == key for app in known.apps):
        raise ResourceInUseException(f"Unable to delete Space {key[1]}: it has an app that is InService.")
    del known.spaces[key]
    return EmptyResult()


def list_spaces(self: Any) -> ActionResult:
    """ListSpaces."""
    found = _listed(self, studio(self.sagemaker_backend).spaces)
    summaries = [
        {**t.shown, "OwnershipSettingsSummary": t.shown.get("OwnershipSettings") or {}, "SpaceSettingsSummary": {}}
        for t in found
    ]
    return ActionResult({"Spaces": summaries})


def _listed(response: Any, kind: dict[Any, Thing]) -> list[Thing]:
    domain = response._get_param("DomainIdEquals")
    return [thing for key, thing in kind.items() if domain is None or key[0] == domain]


def create_app(self: Any) -> ActionResult:
    """CreateApp in a space, of the space's own type; it takes the type of machine from there, or from the domain."""
    known, key, space = _space(self)
    kind, name = self._get_param("AppType"), self._get_param("AppName")
    if space.shown["SpaceSettings"].get("AppType") != kind:
        raise ValidationError(f"Space {key[1]} runs no {kind}")
    if any(app[:2] == key for app in known.apps):
        raise ResourceInUseException(f"Space {key[1]} has an app already.")
    defaults = known.domains[key[0]].shown["DefaultUserSettings"].get(_SETTINGS.get(kind, ""), {})
    settings = space.shown["SpaceSettings"].get(_SETTINGS.get(kind, ""), {})
    resource = {
        **(defaults.get("DefaultResourceSpec") or {}),
        **(settings.get("DefaultResourceSpec") or {}),
        **(self._get_param("ResourceSpec") or {}),
    }
    arn = _arn(self.sagemaker_backend, f"app/{key[0]}/{key[1]}/{kind.lower()}/{name}")
    shown = {"DomainId": key[0], "SpaceName": key[1], "AppType": kind, "AppName": name, "AppArn": arn}
    known.apps[*key, kind, name] = _made(arn, {**shown, "ResourceSpec": resource}, self._get_param("Tags"))
    return ActionResult({"AppArn": arn})


def _app(response: Any) -> tuple[Studio, tuple[str, str, str, str], Thing]:
    known, space, _ = _space(response)
    key = (*space, response._get_param("AppType"), response._get_param("AppName"))
    return known, key, _found(known.apps, key, "App")


def describe_app(self: Any) -> ActionResult:
    """DescribeApp."""
    return ActionResult(_app(self)[2].shown)


def delete_app(self: Any) -> EmptyResult:
    """DeleteApp."""
    known, key, _ = _app(self)
    del known.apps[key]
    return EmptyResult()


def list_apps(self: Any) -> ActionResult:
    """ListApps."""
    return ActionResult({"Apps": [t.shown for t in _listed(self, studio(self.sagemaker_backend).apps)]})


def create_studio_lifecycle_config(self: Any) -> ActionResult:
    """CreateStudioLifecycleConfig, whose content is base64."""
    known = studio(self.sagemaker_backend)
    names = ("StudioLifecycleConfigName", "StudioLifecycleConfigContent", "StudioLifecycleConfigAppType")
    given = _given(self, *names)
    name = given["StudioLifecycleConfigName"]
    if name in known.configs:
        raise ResourceInUseException(f"StudioLifecycleConfig {name} already exists.")
    try:
        base64.b64decode(given["StudioLifecycleConfigContent"], validate=True)
    except binascii.Error:
        raise ValidationError("StudioLifecycleConfigContent is no base64") from None
    arn = _arn(self.sagemaker_backend, f"studio-lifecycle-config/{name}")
    known.configs[name] = _made(arn, {**given, "StudioLifecycleConfigArn": arn}, self._get_param("Tags"))
    return ActionResult({"StudioLifecycleConfigArn": arn})


def _config(response: Any) -> tuple[Studio, Thing]:
    known, name = studio(response.sagemaker_backend), response._get_param("StudioLifecycleConfigName")
    return known, _found(known.configs, name, "StudioLifecycleConfig")


def describe_studio_lifecycle_config(self: Any) -> ActionResult:
    """DescribeStudioLifecycleConfig."""
    return ActionResult(_config(self)[1].shown)


def delete_studio_lifecycle_config(self: Any) -> EmptyResult:
    """DeleteStudioLifecycleConfig: no domain, profile or app may name it any more."""
    known, thing = _config(self)
    for user in (*known.domains.values(), *known.profiles.values(), *known.apps.values()):
        if thing.arn in repr(user.shown):
            raise ResourceInUseException(f"{thing.arn} is in use by {user.arn}.")
    del known.configs[thing.shown["StudioLifecycleConfigName"]]
    return EmptyResult()


def list_studio_lifecycle_configs(self: Any) -> ActionResult:
    """ListStudioLifecycleConfigs."""
    found = [thing.shown for thing in studio(self.sagemaker_backend).configs.values()]
    return ActionResult({"StudioLifecycleConfigs": found})


OPERATIONS: Final = (
    create_app,
    create_domain,
    create_presigned_domain_url,
    create_space,
    create_studio_lifecycle_config,
    create_user_profile,
    delete_app,
    delete_domain,
    delete_space,
    delete_studio_lifecycle_config,
    delete_user_profile,
    describe_app,
    describe_domain,
    describe_space,
    describe_studio_lifecycle_config,
    describe_user_profile,
    list_apps,
    list_domains,
    list_spaces,
    list_studio_lifecycle_configs,
    list_user_profiles,
    update_domain,
    update_space,
    update_user_profile,
)


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    for kind in _KINDS:
        tagged(kind, lambda backend, arn: studio(backend).by_arn(arn))
    for operation in OPERATIONS:
        setattr(SageMakerResponse, operation.__name__, operation)
