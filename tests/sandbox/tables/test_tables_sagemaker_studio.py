"""Studio's domains, profiles, spaces and lifecycle configurations through their whole life."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from botocore.exceptions import ClientError

DOMAIN = "aws:sagemaker/domain:Domain"
PROFILE = "aws:sagemaker/userProfile:UserProfile"
SPACE = "aws:sagemaker/space:Space"
SCRIPT = "aws:sagemaker/studioLifecycleConfig:StudioLifecycleConfig"
ROLE = "arn:aws:iam::123456789012:role/work"
USER: dict[str, Any] = {
    "executionRole": ROLE,
    "securityGroups": ["sg-12345678"],
    "studioWebPortalSettings": {"hiddenAppTypes": ["Canvas", "JupyterServer"]},
    "spaceStorageSettings": {
        "defaultEbsStorageSettings": {"defaultEbsVolumeSizeInGb": 5, "maximumEbsVolumeSizeInGb": 20}
    },
    "jupyterLabAppSettings": {
        "defaultResourceSpec": {"instanceType": "ml.t3.medium"},
        "appLifecycleManagement": {"idleSettings": {"lifecycleManagement": "ENABLED", "idleTimeoutInMinutes": 60}},
    },
}
TRUE = base64.b64encode(b"#!/bin/bash\ntrue").decode()


def a_domain(cloud: Any, **changes: Any) -> Any:
    given = {
        "domainName": "fraud",
        "authMode": "IAM",
        "vpcId": "vpc-12345678",
        "subnetIds": ["subnet-12345678", "subnet-87654321"],
        "appNetworkAccessType": "VpcOnly",
        "defaultUserSettings": USER,
        "domainSettings": {"executionRoleIdentityConfig": "USER_PROFILE_NAME"},
        "retentionPolicy": {"homeEfsFileSystem": "Delete"},
        "tags": {"team": "fraud"},
        **changes,
    }
    return cloud.make(DOMAIN, **{key: value for key, value in given.items() if value is not None})


def a_profile(cloud: Any, domain: Any, name: str = "ada") -> Any:
    return cloud.make(PROFILE, domainId=domain.id, userProfileName=name, tags={"team": "fraud"})


def private(owner: str, gib: int = 5) -> dict[str, Any]:
    return {
        "ownershipSettings": {"ownerUserProfileName": owner},
        "spaceSharingSettings": {"sharingType": "Private"},
        "spaceSettings": {
            "appType": "JupyterLab",
            "spaceStorageSettings": {"ebsStorageSettings": {"ebsVolumeSizeInGb": gib}},
        },
    }


def homes(cloud: Any) -> list[str]:
    return [system["FileSystemId"] for system in cloud.client("efs").describe_file_systems()["FileSystems"]]


def test_a_domain_lives_changes_in_place_and_dies_with_its_home(cloud: Any) -> None:
    domain = a_domain(cloud)
    assert domain["arn"] == f"arn:aws:sagemaker:eu-west-1:123456789012:domain/{domain.id}"
    assert homes(cloud) == [domain["homeEfsFileSystemId"]]
    lab = {**USER["jupyterLabAppSettings"], "defaultResourceSpec": {"instanceType": "ml.m5.large"}}
    domain.update(defaultUserSettings={**USER, "jupyterLabAppSettings": lab}, tags={"team": "churn"})
    domain.update(tagPropagation="ENABLED")
    domain.update(
        domainSettings={
            "executionRoleIdentityConfig": "USER_PROFILE_NAME",
            "dockerSettings": {"enableDockerAccess": "DISABLED"},
        }
    )
    domain.delete()
    assert homes(cloud) == []


@pytest.mark.parametrize("told", [None, {"homeEfsFileSystem": "Retain"}])
def test_a_home_stays_behind_unless_it_is_told_to_go(cloud: Any, told: Any) -> None:
    domain = a_domain(cloud, retentionPolicy=told)
    domain.delete()
    assert homes(cloud) == [domain["homeEfsFileSystemId"]]


@pytest.mark.parametrize(
    ("prop", "other"),
    [
        ("domainName", "other"),
        ("authMode", "SSO"),
        ("vpcId", "vpc-87654321"),
        ("subnetIds", ["subnet-12345678"]),
        ("kmsKeyId", "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"),
        ("appNetworkAccessType", "PublicInternetOnly"),
        ("retentionPolicy", {"homeEfsFileSystem": "Retain"}),
    ],
)
def test_what_a_domain_stands_on_replaces_it(cloud: Any, prop: str, other: Any) -> None:
    assert a_domain(cloud).forecast(**{prop: other}).replaces == {prop}


def test_the_order_of_subnets_is_no_change(cloud: Any) -> None:
    assert not a_domain(cloud).forecast(subnetIds=["subnet-87654321", "subnet-12345678"]).changed


def test_a_domain_waits_for_its_profiles_and_a_profile_for_its_spaces(cloud: Any) -> None:
    domain = a_domain(cloud)
    profile = a_profile(cloud, domain)
    space = cloud.make(SPACE, domainId=domain.id, spaceName="ada-lab", **private("ada"))
    assert "it has 1 user profiles" in cloud.refuses_to_delete(domain)
    assert "it owns 1 spaces" in cloud.refuses_to_delete(profile)
    client = cloud.client("sagemaker")
    app = {"DomainId": domain.id, "SpaceName": "ada-lab", "AppType": "JupyterLab", "AppName": "default"}
    client.create_app(**app)
    assert client.describe_app(**app)["ResourceSpec"] == {"InstanceType": "ml.t3.medium"}
    assert "InService" in cloud.refuses_to_delete(space)
    client.delete_app(**app)
    space.delete()
    profile.delete()
    domain.delete()


def test_a_profile_lives_and_dies(cloud: Any) -> None:
    profile = a_profile(cloud, a_domain(cloud))
    assert profile.id == profile["arn"]
    profile.update(userSettings={"executionRole": ROLE})
    profile.update(tags={"team": "churn"})
    assert profile.forecast(userProfileName="bob").replaces == {"userProfileName"}
    profile.imported(profile["arn"])
    profile.delete()


def test_a_profiles_name_is_taken_once_whatever_its_letters_case(cloud: Any) -> None:
    domain = a_domain(cloud)
    a_profile(cloud, domain)
    assert "already exists" in cloud.refused(PROFILE, domainId=domain.id, userProfileName="Ada")
    assert "does not exist" in cloud.refused(PROFILE, domainId="d-000000000000", userProfileName="ada")


def test_a_space_lives_grows_and_dies(cloud: Any) -> None:
    domain = a_domain(cloud)
    a_profile(cloud, domain)
    space = cloud.make(SPACE, domainId=domain.id, spaceName="ada-lab", spaceDisplayName="lab", **private("ada"))
    space.update(spaceSettings=private("ada", 10)["spaceSettings"])
    space.update(spaceDisplayName="notebooks")
    with pytest.raises(Exception, match="can't shrink"):
        space.update(spaceSettings=private("ada", 5)["spaceSettings"])
    assert space.forecast(spaceName="other").replaces == {"spaceName"}
    space.delete()


def test_a_space_has_an_owner_who_exists_and_a_disk_within_the_domains_limit(cloud: Any) -> None:
    domain = a_domain(cloud)
    a_profile(cloud, domain)
    assert "does not exist" in cloud.refused(SPACE, domainId=domain.id, spaceName="s", **private("eve"))
    assert "more than the domain allows, 20" in cloud.refused(
        SPACE, domainId=domain.id, spaceName="s", **private("ada", 21)
    )
    assert "DefaultSpaceSettings" in cloud.refused(SPACE, domainId=domain.id, spaceName="s")


def test_a_space_resized_by_its_owner_is_found_so(cloud: Any) -> None:
    domain = a_domain(cloud)
    a_profile(cloud, domain)
    space = cloud.make(SPACE, domainId=domain.id, spaceName="ada-lab", **private("ada"))
    larger = {"SpaceStorageSettings": {"EbsStorageSettings": {"EbsVolumeSizeInGb": 20}}}
    cloud.client("sagemaker").update_space(DomainId=domain.id, SpaceName="ada-lab", SpaceSettings=larger)
    found = space.read()
    assert found is not None
    assert found.state["spaceSettings"]["spaceStorageSettings"] == {"ebsStorageSettings": {"ebsVolumeSizeInGb": 20}}


def test_a_script_never_changes_in_place_and_stays_while_somebody_names_it(cloud: Any) -> None:
    script = cloud.make(
        SCRIPT,
        studioLifecycleConfigName="start",
        studioLifecycleConfigAppType="JupyterLab",
        studioLifecycleConfigContent=TRUE,
        tags={"team": "fraud"},
    )
    script.update(tags={"team": "churn"})
    other = base64.b64encode(b"false").decode()
    assert script.forecast(studioLifecycleConfigContent=other).replaces == {"studioLifecycleConfigContent"}
    lab = {**USER["jupyterLabAppSettings"], "lifecycleConfigArns": [script["arn"]]}
    domain = a_domain(cloud, defaultUserSettings={**USER, "jupyterLabAppSettings": lab})
    assert "is in use" in cloud.refuses_to_delete(script)
    domain.delete()
    script.delete()


def test_who_works_is_told_apart_only_while_nobody_works(cloud: Any) -> None:
    domain = a_domain(cloud)
    a_profile(cloud, domain)
    cloud.make(SPACE, domainId=domain.id, spaceName="ada-lab", **private("ada"))
    cloud.client("sagemaker").create_app(
        DomainId=domain.id, SpaceName="ada-lab", AppType="JupyterLab", AppName="default"
    )
    with pytest.raises(Exception, match="apps of the domain are running"):
        domain.update(domainSettings={"executionRoleIdentityConfig": "DISABLED"})


def test_what_somebody_deleted_is_found_gone(cloud: Any) -> None:
    domain = a_domain(cloud)
    profile = a_profile(cloud, domain)
    client = cloud.client("sagemaker")
    client.delete_user_profile(DomainId=domain.id, UserProfileName="ada")
    assert profile.read() is None
    client.delete_domain(DomainId=domain.id)
    assert domain.read() is None


def test_a_url_is_made_for_a_profile_that_exists(cloud: Any) -> None:
    domain = a_domain(cloud)
    a_profile(cloud, domain)
    client = cloud.client("sagemaker")
    assert domain.id in client.create_presigned_domain_url(DomainId=domain.id, UserProfileName="ada")["AuthorizedUrl"]
    with pytest.raises(ClientError, match="does not exist"):
        client.create_presigned_domain_url(DomainId=domain.id, UserProfileName="eve")


def refused(cloud: Any, token: str, **inputs: Any) -> list[str]:
    urn = f"urn:pulumi:dev::test::{token}::thing"
    return [str(refusal.reason) for refusal in cloud.provider.check(token, urn, {}, inputs, b"seed")[1]]


def with_user(**changes: Any) -> dict[str, Any]:
    return {
        "domainName": "fraud",
        "authMode": "IAM",
        "vpcId": "vpc-12345678",
        "subnetIds": ["subnet-12345678"],
        "defaultUserSettings": {"executionRole": ROLE, **changes},
    }


def idle(**minutes: int) -> dict[str, Any]:
    return {"appLifecycleManagement": {"idleSettings": minutes}}


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
        (DOMAIN, with_user(jupyterLabAppSettings=idle(idleTimeoutInMinutes=59)), "59"),
        (DOMAIN, with_user(codeEditorAppSettings=idle(idleTimeoutInMinutes=120, maxIdleTimeoutInMinutes=60)),
         "idleTimeoutInMinutes is 120, more than maxIdleTimeoutInMinutes, 60"),
        (DOMAIN, with_user(jupyterLabAppSettings=idle(minIdleTimeoutInMinutes=90, idleTimeoutInMinutes=60)),
         "minIdleTimeoutInMinutes is 90, more than idleTimeoutInMinutes, 60"),
        (DOMAIN, with_user(spaceStorageSettings={"defaultEbsStorageSettings": {
            "defaultEbsVolumeSizeInGb": 50, "maximumEbsVolumeSizeInGb": 20}}), "more than maximumEbsVolumeSizeInGb"),
        (DOMAIN, {**with_user(), "domainName": "fraud_team"}, "does not match"),
        (DOMAIN, {**with_user(), "authMode": "Password"}, "Password"),
        (DOMAIN, with_user(jupyterLabAppSettings={"defaultResourceSpec": {"instanceType": "ml.t3.tiny"}}), "t3.tiny"),
        (PROFILE, {"domainId": "d-abc", "userProfileName": "ada@acme"}, "does not match"),
        (PROFILE, {"domainId": "d-abc", "userProfileName": "ada", "singleSignOnUserValue": "ada"}, "give both"),
        (SPACE, {"domainId": "d-abc", "spaceName": "s", "spaceSharingSettings": {"sharingType": "Private"}},
         "given together"),
        (SPACE, {"domainId": "d-abc", "spaceName": "s", "spaceSharingSettings": {"sharingType": "Private"},
                 "ownershipSettings": {"ownerUserProfileName": "ada"}, "spaceSettings": {}}, "spaceSettings.appType"),
        (SCRIPT, {"studioLifecycleConfigName": "s", "studioLifecycleConfigAppType": "JupyterLab",
                  "studioLifecycleConfigContent": "#!/bin/bash"}, "is no base64"),
    ],
)  # fmt: skip
def test_what_sagemaker_would_refuse_is_refused_before(
    cloud: Any, token: str, inputs: dict[str, Any], reason: str
) -> None:
    assert any(reason in told for told in refused(cloud, token, **inputs)), refused(cloud, token, **inputs)
