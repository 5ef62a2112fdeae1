"""Launch templates, placement groups and instance profiles over their tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sandbox.tables.conftest import Cloud

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GROUP = "aws:ec2/placementGroup:PlacementGroup"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
DISK: dict[str, Any] = {
    "deviceName": "/dev/xvda",
    "ebs": {"encrypted": "true", "deleteOnTermination": "true", "volumeSize": 50, "volumeType": "gp3"},
}
INTERFACE: dict[str, Any] = {
    "associatePublicIpAddress": "false",
    "deleteOnTermination": "true",
    "deviceIndex": 0,
    "interfaceType": "efa",
    "networkCardIndex": 0,
    "securityGroups": ["sg-0123456789abcdef0"],
}


def test_a_changed_template_is_a_new_version_and_the_default(cloud: Cloud):
    made = cloud.make(
        TEMPLATE,
        name="t",
        updateDefaultVersion=True,
        blockDeviceMappings=[DISK],
        metadataOptions={"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
        networkInterfaces=[INTERFACE],
        tagSpecifications=[{"resourceType": "instance", "tags": {"team": "a"}}],
        capacityReservationSpecification={
            "capacityReservationTarget": {"capacityReservationId": "cr-0123456789abcdef0"}
        },
        userData="IyEvYmluL3No",
        tags={"team": "a"},
    )
    assert made["arn"].endswith(f":launch-template/{made.id}") and made["latestVersion"] == 1
    made.update(blockDeviceMappings=[{**DISK, "ebs": {**DISK["ebs"], "volumeSize": 80}}])
    assert (made["latestVersion"], made["defaultVersion"]) == (2, 2)
    made.update(tags={"team": "b"})
    assert made["latestVersion"] == 2, "tags of the template are no version of it"
    assert made.forecast(name="other").replaces
    made.delete()


def test_a_template_that_got_a_version_behind_our_back_is_seen(cloud: Cloud):
    made = cloud.make(TEMPLATE, name="t", instanceType="g5.xlarge")
    cloud.client("ec2").create_launch_template_version(
        LaunchTemplateId=made.id, LaunchTemplateData={"InstanceType": "g5.2xlarge"}
    )
    found = made.read()
    assert found is not None and found.state["instanceType"] == "g5.2xlarge"


def test_two_templates_have_no_name_in_common(cloud: Cloud):
    cloud.make(TEMPLATE, name="t", instanceType="g5.xlarge")
    assert "already" in cloud.refused(TEMPLATE, name="t", instanceType="g5.xlarge")


def test_a_placement_group_keeps_its_strategy_for_life(cloud: Cloud):
    made = cloud.make(GROUP, name="g", strategy="cluster", tags={"team": "a"})
    assert made["placementGroupId"].startswith("pg-")
    made.update(tags={"team": "b"})
    assert made.forecast(strategy="spread").replaces
    assert "already exists" in cloud.refused(GROUP, name="g", strategy="cluster")
    made.delete()


def test_a_profile_changes_its_role_in_place_and_lets_it_go(cloud: Cloud):
    iam = cloud.client("iam")
    trust = {"Version": "2012-10-17", "Statement": []}
    for name in ("first", "second"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    made = cloud.make(PROFILE, name="p", path="/a/", role="first", tags={"team": "a"})
    assert made["arn"] == "arn:aws:iam::123456789012:instance-profile/a/p"
    made.update(role="second")
    made.update(tags={"team": "b"})
    assert made.forecast(path="/b/").replaces
    made.delete()
    assert iam.list_instance_profiles()["InstanceProfiles"] == []
    assert "NoSuchEntity" in cloud.refused(PROFILE, name="q", role="nobody")
