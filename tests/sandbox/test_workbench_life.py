"""The life of a workbench in each emulator: made, unchanged, changed, gone; people come, work and leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.sandbox.lives import changed

from modelyard import (
    Context,
    DataLake,
    Keys,
    KeysSpec,
    KnownWorkbench,
    LakeSpec,
    Network,
    Role,
    VpcSpec,
    Workbench,
    WorkbenchSpec,
)
from modelyard.core.access import trust_service
from modelyard.testing import deploy
from modelyard_jobs.resources import resources
from modelyard_sandbox.accounting import counted

REGION = "eu-west-1"
PLATFORM = Context(organization="acme", platform="ml", environment="dev", region=REGION, account="123456789012")
FRAUD = PLATFORM.for_team("fraud")
ADA, BOB = "ada@acme.example", "bob@acme.example"


def a_workbench(
    *, people: Sequence[str] = (ADA,), leavers: Sequence[str] = (), granted: bool = True, **changes: Any
) -> Callable[[], None]:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        vpc = VpcSpec.model_validate({"kind": "vpc", "cidr": "10.20.0.0/16", "zones": ["eu-west-1a"]})
        network = Network("network", vpc, context=PLATFORM, keys=keys)
        made = Workbench(
            "workbench",
            WorkbenchSpec.model_validate(changes),
            context=FRAUD,
            keys=keys,
            network=network,
            people={"data-scientist": people},
            leavers=leavers,
        )
        if granted:
            trusted = [trust_service("states.amazonaws.com", context=FRAUD)]
            made.grant_open(Role("persona", context=FRAUD, trusted=trusted, description="people"), people)

    return program


def test_a_workbench_is_made_stays_as_it_is_changes_in_place_and_leaves_nothing(emulator: str):
    with deploy(lambda: None, region=REGION, emulator=emulator) as stack:
        before = counted(stack.client, REGION)
        stack.update(a_workbench())
        assert set(stack.operations.values()) <= {"create", "same"}
        stack.update(a_workbench())
        assert changed(stack) == {}
        stack.update(a_workbench(instance_types=["ml.t3.medium", "ml.m5.large"]))
        assert changed(stack) == {"workbench-domain": "update", "workbench-work": "update"}
        stack.update(a_workbench(idle_minutes=120, instance_types=["ml.t3.medium", "ml.m5.large"]))
        assert changed(stack) == {"workbench-domain": "update"}
        stack.destroy()
        assert counted(stack.client, REGION) == before, "the home goes with the domain outside production"


def test_people_come_and_go_without_touching_the_others(emulator: str):
    with deploy(a_workbench(granted=False), region=REGION, emulator=emulator) as stack:
        stack.update(a_workbench(people=(BOB, ADA), granted=False))
        places = {f"workbench-{BOB}-{place}": "create" for place in ("profile", "jupyterlab", "code-editor")}
        assert changed(stack) == places
        stack.update(a_workbench(people=(BOB, ADA), leavers=(BOB,), granted=False))
        assert changed(stack) == {"workbench-work": "update"}, "what they did stays until the file no longer names them"
        stack.update(a_workbench(granted=False))
        assert changed(stack) == {**dict.fromkeys(places, "delete"), "workbench-work": "update"}
        stack.destroy()


def test_a_changed_script_is_there_before_the_old_one_goes():
    with deploy(a_workbench(start_script="#!/bin/bash\ntrue"), region=REGION) as stack:
        stack.update(a_workbench(start_script="#!/bin/bash\nfalse"))
        scripts = {f"workbench-{editor}-start": "replace" for editor in ("jupyterlab", "code-editor")}
        assert changed(stack) == {**scripts, "workbench-domain": "update"}
        assert len(stack.client("sagemaker").list_studio_lifecycle_configs()["StudioLifecycleConfigs"]) == 2
        stack.destroy()


def test_a_person_finds_their_profile_works_in_their_space_and_what_they_resized_stays():
    with deploy(a_workbench(), region=REGION) as stack:
        client = stack.client("sagemaker")
        found = resources("/modelyard/ml/dev/fraud/persona", ssm=stack.client("ssm")).workbench("workbench")
        mine = found.profile_of(ADA)
        assert client.create_presigned_domain_url(DomainId=found.domain_id, UserProfileName=mine)["AuthorizedUrl"]
        spaces = client.list_spaces(DomainIdEquals=found.domain_id)["Spaces"]
        assert {space["OwnershipSettingsSummary"]["OwnerUserProfileName"] for space in spaces} == {mine}
        (lab,) = [space["SpaceName"] for space in spaces if "jupyterlab" in space["SpaceName"]]
        app = {"DomainId": found.domain_id, "SpaceName": lab, "AppType": "JupyterLab", "AppName": "default"}
        client.create_app(**app)
        assert client.describe_app(**app)["ResourceSpec"]["InstanceType"] == "ml.t3.medium"
        larger = {"SpaceStorageSettings": {"EbsStorageSettings": {"EbsVolumeSizeInGb": 20}}}
        client.update_space(DomainId=found.domain_id, SpaceName=lab, SpaceSettings=larger)
        stack.refresh()
        stack.update(a_workbench())
        assert changed(stack) == {}, "a disk that somebody enlarged is theirs"
        client.delete_app(**app)
        stack.destroy()


def test_a_running_app_holds_up_the_end_and_says_so():
    with deploy(a_workbench(), region=REGION) as stack:
        client, domain = stack.client("sagemaker"), stack.resource("workbench-domain").id
        (lab,) = [
            space["SpaceName"]
            for space in client.list_spaces(DomainIdEquals=domain)["Spaces"]
            if "jupyterlab" in space["SpaceName"]
        ]
        app = {"DomainId": domain, "SpaceName": lab, "AppType": "JupyterLab", "AppName": "default"}
        client.create_app(**app)
        with pytest.raises(Exception, match="it has an app that is InService"):
            stack.destroy()
        client.delete_app(**app)
        stack.destroy()
        with pytest.raises(ClientError, match="does not exist"):
            client.describe_domain(DomainId=domain)


def test_a_kept_home_stays_behind_and_is_counted():
    with deploy(lambda: None, region=REGION) as stack:
        before = counted(stack.client, REGION)
        stack.update(a_workbench(retention="snapshot"))
        home = stack.resource("workbench-domain").properties["homeEfsFileSystemId"]
        stack.destroy()
        after = counted(stack.client, REGION)
        assert {kind: count for kind, count in after.items() if before.get(kind) != count} == {"efs: FileSystems": 1}
        (left,) = stack.client("efs").describe_file_systems()["FileSystems"]
        assert left["FileSystemId"] == home


def test_a_teams_own_stack_grants_data_to_whoever_works():
    def teams(domain: str, role: str, profiles: dict[str, str]) -> Callable[[], None]:
        def program() -> None:
            a_workbench()()
            keys = Keys("lake-keys", KeysSpec(), context=FRAUD)
            columns = [{"name": "customer_id", "type": "string"}]
            dataset = {"classification": "internal", "owner": ADA, "columns": columns}
            lake = DataLake(
                "lake", LakeSpec.model_validate({"datasets": {"orders": dataset}}), context=FRAUD, keys=keys
            )
            known = KnownWorkbench(FRAUD, domain_id=domain, role_arn=role, profiles=profiles, component="desk")
            lake.grant_read(known, datasets=["orders"])

        return program

    with deploy(a_workbench(), region=REGION) as stack:
        role = stack.resource("workbench-execution-role").properties
        stack.update(teams(stack.resource("workbench-domain").id, role["arn"], {ADA: "ada"}))
        written = stack.client("iam").list_role_policies(RoleName=role["name"])["PolicyNames"]
        assert "lake" in written
        found = resources("/modelyard/ml/dev/fraud/desk-execution", ssm=stack.client("ssm")).dataset("orders")
        assert found.bucket
        stack.update(a_workbench())
        stack.destroy()
