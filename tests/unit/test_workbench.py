"""What a workbench makes of its spec: who has which places, what they may do there, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from modelyard import Context, Keys, KeysSpec, KnownNetwork, KnownWorkbench, Role, Workbench, WorkbenchSpec
from modelyard.assess.graph import Graph, record
from modelyard.build.workbench import STUDIO_TYPES, key_use
from modelyard.core.access import policy, size, trust_service
from modelyard.core.addresses import Addresses, WorkbenchAddress
from modelyard.core.contract import NetworkContract
from modelyard.core.errors import SpecError

FRAUD = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
PRODUCTION = replace(FRAUD, environment="prod", production=True)
ADA, BOB, EVE = "ada.lovelace@acme.example", "bob@acme.example", "eve@acme.example"
NETWORK = {
    "vpc_id": "vpc-12345678",
    "cidr": "10.0.0.0/16",
    "subnets": {"private": {"eu-west-1a": "subnet-12345678"}},
    "security_groups": {"workload": "sg-87654321"},
}


def spec(**changes: Any) -> WorkbenchSpec:
    return WorkbenchSpec.model_validate(changes)


def a_workbench(
    given: WorkbenchSpec, *, people: Sequence[str] = (ADA, BOB), leavers: Iterable[str] = (), context: Context = FRAUD
) -> None:
    keys = Keys("keys", KeysSpec(), context=context)
    network = KnownNetwork(NetworkContract.model_validate(NETWORK))
    made = Workbench(
        "workbench",
        given,
        context=context,
        keys=keys,
        network=network,
        people={"data-scientist": people},
        leavers=leavers,
    )
    trusted = [trust_service("states.amazonaws.com", context=context)]
    made.grant_open(Role("persona", context=context, trusted=trusted, description="people"), people)


@cache
def recorded(
    text: str = "{}", people: tuple[str, ...] = (ADA, BOB), leavers: tuple[str, ...] = (), production: bool = False
) -> Graph:
    given = WorkbenchSpec.model_validate_json(text)
    context = PRODUCTION if production else FRAUD

    def program() -> None:
        a_workbench(given, people=people, leavers=leavers, context=context)

    return record(program, project="p", stack="s", region="eu-west-1")


def node(graph: Graph, name: str) -> Any:
    (found,) = [node for node in graph.nodes if node.name == name and node.custom]
    return found


def statements(graph: Graph, name: str = "workbench-work") -> list[dict[str, Any]]:
    return json.loads(node(graph, name).properties["policy"])["Statement"]


def faults(given: WorkbenchSpec, **changes: Any) -> list[str]:
    with pytest.raises(SpecError) as refusal:
        record(lambda: a_workbench(given, **changes), project="p", stack="s", region="eu-west-1")
    return [str(fault).removeprefix(": ") for fault in refusal.value.faults]


def test_a_domain_has_no_way_to_the_internet_and_a_home_under_the_teams_key():
    domain = node(recorded(), "workbench-domain").properties
    assert domain["appNetworkAccessType"] == "VpcOnly"
    assert domain["authMode"] == "IAM"
    assert domain["kmsKeyId"] == node(recorded(), "keys-default").outputs["arn"]
    assert domain["subnetIds"] == ["subnet-12345678"]
    assert domain["defaultUserSettings"]["securityGroups"] == ["sg-87654321"]
    assert domain["defaultUserSettings"]["sharingSettings"] == {"notebookOutputOption": "Disabled"}
    assert domain["domainSettings"]["dockerSettings"] == {"enableDockerAccess": "DISABLED"}
    assert "defaultSpaceSettings" not in domain, "without them nobody can make a shared space"


def test_whoever_works_is_told_apart_by_the_domain_itself():
    assert node(recorded(), "workbench-domain").properties["domainSettings"]["executionRoleIdentityConfig"] == (
        "USER_PROFILE_NAME"
    )
    (trust,) = json.loads(node(recorded(), "workbench-execution-role").properties["assumeRolePolicy"])["Statement"]
    assert trust["Action"] == ["sts:AssumeRole", "sts:SetSourceIdentity"]
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}


def test_apps_stop_when_idle_and_nobody_makes_that_later_than_the_spec_says():
    for settings in ("jupyterLabAppSettings", "codeEditorAppSettings"):
        domain = node(recorded(), "workbench-domain").properties["defaultUserSettings"]
        idle = domain[settings]["appLifecycleManagement"]["idleSettings"]
        assert idle == {
            "lifecycleManagement": "ENABLED",
            "idleTimeoutInMinutes": 60,
            "minIdleTimeoutInMinutes": 60,
            "maxIdleTimeoutInMinutes": 60,
        }
    longer = recorded(spec(idle_minutes=90, most_idle_minutes=240).model_dump_json())
    domain = node(longer, "workbench-domain").properties["defaultUserSettings"]
    idle = domain["jupyterLabAppSettings"]["appLifecycleManagement"]["idleSettings"]
    assert (idle["idleTimeoutInMinutes"], idle["maxIdleTimeoutInMinutes"]) == (90, 240)


def test_studio_shows_only_what_may_be_started():
    only = recorded(spec(editors=["jupyterlab"], instance_types=["ml.t3.medium", "ml.g5.xlarge"]).model_dump_json())
    portal = node(only, "workbench-domain").properties["defaultUserSettings"]["studioWebPortalSettings"]
    assert {"Canvas", "CodeEditor", "JupyterServer", "RStudioServerPro"} <= set(portal["hiddenAppTypes"])
    assert "JupyterLab" not in portal["hiddenAppTypes"]
    assert {"ml.t3.medium", "ml.g5.xlarge"} == set(STUDIO_TYPES) - set(portal["hiddenInstanceTypes"])
    assert "codeEditorAppSettings" not in node(only, "workbench-domain").properties["defaultUserSettings"]


def test_everybody_has_a_profile_and_a_private_space_for_each_editor():
    spaces = [n for n in recorded().nodes if n.type == "aws:sagemaker/space:Space"]
    assert len(spaces) == 4
    owners = {space.properties["ownershipSettings"]["ownerUserProfileName"] for space in spaces}
    profiles = {
        n.properties["userProfileName"] for n in recorded().nodes if n.type == "aws:sagemaker/userProfile:UserProfile"
    }
    assert owners == profiles and len(profiles) == 2
    assert {space.properties["spaceSharingSettings"]["sharingType"] for space in spaces} == {"Private"}
    assert all(name.startswith("ml-dev-fraud-") for name in profiles), (
        "the fence knows the team's things by their names"
    )


def test_names_of_people_who_look_alike_differ_and_last():
    alike = ("ada.b@acme.example", "ada-b@acme.example", "ada-b@other.example", "7@acme.example")
    made = [
        n.properties["userProfileName"]
        for n in recorded(people=alike).nodes
        if n.type == "aws:sagemaker/userProfile:UserProfile"
    ]
    assert len(set(made)) == 4
    again = recorded(people=("ada-b@acme.example",))
    (alone,) = [n for n in again.nodes if n.type == "aws:sagemaker/userProfile:UserProfile"]
    assert alone.properties["userProfileName"] in made, "a name doesn't hang on who else is there"
    pattern = Session().get_service_model("sagemaker").shape_for("UserProfileName").metadata["pattern"]
    assert pattern == "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}" and all(name.replace("-", "").isalnum() for name in made)


def denied(graph: Graph, sid: str) -> dict[str, Any]:
    (found,) = [s for s in statements(graph) if s.get("Sid") == sid]
    assert (found["Effect"], found["Resource"]) == ("Deny", "*")
    return found["Condition"]


def test_an_app_is_started_by_its_owner_in_a_private_space():
    creating = [s for s in statements(recorded()) if "sagemaker:CreateApp" in s["Action"] and s["Effect"] == "Allow"]
    assert len(creating) == 2
    for statement in creating:
        owner = statement["Condition"]["ArnEquals"]["sagemaker:OwnerUserProfileArn"]
        assert owner.rpartition("/")[2] in ("${aws:SourceIdentity}", "${sagemaker:UserProfileName}")
        assert "*" not in owner, "a pattern would be everybody's"
        assert statement["Condition"]["StringEquals"] == {"sagemaker:SpaceSharingType": "Private"}
        domain = node(recorded(), "workbench-domain").outputs["id"]
        assert all(f"/{domain}/" in arn for arn in statement["Resource"])


def test_no_grant_lets_an_app_run_on_another_type_or_image_or_be_entered_from_outside():
    assert denied(recorded(), "AllowedTypes") == {
        "ForAnyValue:StringNotEquals": {"sagemaker:InstanceTypes": ["ml.t3.medium"]}
    }
    assert denied(recorded(), "ATypeIsNamed") == {"Null": {"sagemaker:InstanceTypes": "true"}}
    images = "arn:aws:sagemaker:eu-west-1:123456789012:image/*"
    assert denied(recorded(), "ImagesOfAws") == {"ForAnyValue:ArnLike": {"sagemaker:ImageArns": images}}
    assert denied(recorded(), "NoWayInFromOutside") == {"StringEquals": {"sagemaker:RemoteAccess": "ENABLED"}}


def test_the_role_makes_no_domain_no_profile_and_no_space():
    actions = {
        a for s in statements(recorded()) for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
    }
    assert (
        not {
            "sagemaker:CreateDomain",
            "sagemaker:CreateSpace",
            "sagemaker:CreateUserProfile",
            "sagemaker:DeleteSpace",
            "sagemaker:UpdateDomain",
            "sagemaker:UpdateUserProfile",
            "iam:PassRole",
        }
        & actions
    )
    assert not [action for action in actions if "*" in action]


def test_each_person_opens_their_own_profile_in_sessions_under_their_own_name():
    opening = statements(recorded(), "persona-workbench-access")
    assert {s["Action"] for s in opening} == {"sagemaker:CreatePresignedDomainUrl"}
    by_person = {s["Condition"]["StringLike"]["aws:userid"]: s["Resource"] for s in opening}
    assert by_person.keys() == {f"*:{ADA}", f"*:{BOB}"}
    assert by_person[f"*:{ADA}"].rpartition("/")[2].startswith("ml-dev-fraud-workbench-ada-lovelace-")
    assert "*" not in by_person[f"*:{ADA}"] + by_person[f"*:{BOB}"]


def test_the_address_says_which_profile_is_whose():
    odd = "a,b@acme.example"
    graph = recorded(people=(ADA, odd))
    (found,) = Addresses.model_validate_json(
        node(graph, "persona-workbench-address").properties["insecureValue"]
    ).addresses
    assert isinstance(found, WorkbenchAddress)
    assert found.domain_id == node(graph, "workbench-domain").outputs["id"]
    assert found.profile_of(odd).startswith("ml-dev-fraud-workbench-a-b-")
    with pytest.raises(KeyError):
        found.profile_of(BOB)


def test_a_team_of_sixty_fits_into_policies():
    many = tuple(f"{'p' * 40}{number:02}@acme.example" for number in range(60))
    opening = [n for n in recorded(people=many).nodes if n.name.startswith("persona-") and "policy" in n.properties]
    texts = [n.properties["policy"] for n in opening]
    assert sum(text.count("sagemaker:CreatePresignedDomainUrl") for text in texts) == 60
    assert all(len(text) <= 10_240 for text in texts)


def test_who_left_can_do_nothing_in_what_is_still_open():
    graph = recorded(leavers=(BOB.upper(),))
    (gone,) = [s for s in statements(graph) if s.get("Sid") == "WhoLeftIsOut"]
    (profile,) = [n for n in graph.nodes if n.name == f"workbench-{BOB}-profile"]
    assert gone["Condition"] == {"StringEquals": {"aws:SourceIdentity": [profile.properties["userProfileName"]]}}
    assert (gone["Action"], gone["Resource"]) == ("*", "*")
    assert "WhoLeftIsOut" not in [s.get("Sid") for s in statements(recorded())]


def test_production_keeps_the_home_and_elsewhere_it_goes():
    kept = node(recorded(production=True), "workbench-domain")
    assert kept.properties["retentionPolicy"] == {"homeEfsFileSystem": "Retain"} and kept.options.get("protect")
    gone = node(recorded(), "workbench-domain")
    assert gone.properties["retentionPolicy"] == {"homeEfsFileSystem": "Delete"} and not gone.options.get("protect")
    told = node(recorded(spec(retention="snapshot").model_dump_json()), "workbench-domain")
    assert told.properties["retentionPolicy"] == {"homeEfsFileSystem": "Retain"} and not told.options.get("protect")


def test_a_start_script_becomes_a_configuration_of_each_editor_under_a_name_that_changes_with_it():
    def scripts(text: str) -> dict[str, str]:
        graph = recorded(spec(start_script=text).model_dump_json())
        return {
            n.properties["studioLifecycleConfigAppType"]: n.properties["studioLifecycleConfigName"]
            for n in graph.nodes
            if n.type == "aws:sagemaker/studioLifecycleConfig:StudioLifecycleConfig"
        }

    one, other = scripts("#!/bin/bash\ntrue"), scripts("#!/bin/bash\nfalse")
    assert one.keys() == {"JupyterLab", "CodeEditor"}
    assert not set(one.values()) & set(other.values()), "a configuration never changes in place"
    user = node(recorded(spec(start_script="#!/bin/bash\ntrue").model_dump_json()), "workbench-domain")
    lab = user.properties["defaultUserSettings"]["jupyterLabAppSettings"]
    assert lab["defaultResourceSpec"]["lifecycleConfigArn"] in lab["lifecycleConfigArns"]


def test_whoever_makes_models_gets_a_profile_and_nobody_else_unless_named():
    def profiles(**changes: Any) -> set[str]:
        def program() -> None:
            Workbench(
                "workbench",
                spec(**changes),
                context=FRAUD,
                keys=Keys("keys", KeysSpec(), context=FRAUD),
                network=KnownNetwork(NetworkContract.model_validate(NETWORK)),
                people={"data-scientist": [ADA], "ml-engineer": [ADA, BOB], "approver": [EVE]},
            )

        graph = record(program, project="p", stack="s", region="eu-west-1")
        return {n.name for n in graph.nodes if n.type == "aws:sagemaker/userProfile:UserProfile"}

    assert profiles() == {f"workbench-{ADA}-profile", f"workbench-{BOB}-profile"}
    assert profiles(people=[EVE]) == {f"workbench-{EVE}-profile"}


def test_only_those_named_get_a_profile():
    chosen = recorded(spec(people=[BOB]).model_dump_json())
    assert [n.name for n in chosen.nodes if n.type == "aws:sagemaker/userProfile:UserProfile"] == [
        f"workbench-{BOB}-profile"
    ]


def test_a_teams_own_stack_grants_on_what_the_platform_made():
    def program() -> None:
        role = "arn:aws:iam::123456789012:role/modelyard/ml/dev/fraud/ml-dev-fraud-workbench-execution"
        known = KnownWorkbench(FRAUD, domain_id="d-abc", role_arn=role, profiles={ADA: "ml-dev-fraud-workbench-ada"})
        trusted = [trust_service("states.amazonaws.com", context=FRAUD)]
        persona = Role("persona", context=FRAUD, trusted=trusted, description="people")
        known.grant_open(persona, [ADA, BOB])
        Keys("keys", KeysSpec(), context=FRAUD).grant_use(known)

    graph = record(program, project="p", stack="s", region="eu-west-1")
    (opening,) = statements(graph, "persona-workbench-access")
    assert opening["Resource"] == (
        "arn:aws:sagemaker:eu-west-1:123456789012:user-profile/d-abc/ml-dev-fraud-workbench-ada"
    )
    assert node(graph, "workbench-execution-keys-access").properties["role"] == "ml-dev-fraud-workbench-execution"


def test_the_key_lets_the_platforms_deployment_make_the_home_and_no_teams_role():
    for statement in policy(key_use(FRAUD))["Statement"]:
        condition = statement["Condition"]
        assert condition["ArnNotLike"]["aws:PrincipalArn"] == "arn:aws:iam::123456789012:role/modelyard/ml/dev/*"
        assert "elasticfilesystem.eu-west-1.amazonaws.com" in condition["StringEquals"]["kms:ViaService"]
        if "kms:CreateGrant" in statement["Action"]:
            assert condition["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_types_are_those_that_sagemaker_knows_but_for_the_newest():
    known = set(Session().get_service_model("sagemaker").shape_for("AppInstanceType").enum)
    left_out = {name for name in known if name.startswith(("ml.g7.", "ml.g7e."))} | {
        "system",
        "ml.geospatial.interactive",
    }
    assert set(STUDIO_TYPES) == known - left_out
    assert len(STUDIO_TYPES) == len(set(STUDIO_TYPES))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"instance_types": ["ml.t3.medum"], "default_instance_type": "ml.t3.medum"},
         ["instance_types[0]: got 'ml.t3.medum'; is no type that Studio runs on. Did you mean \"ml.t3.medium\"?"]),
        ({"instance_types": ["ml.g5.xlarge"]},
         ["default_instance_type: got 'ml.t3.medium'; isn't among instance_types: ml.g5.xlarge. "
          "Use one of those, or add it there."]),
        ({"instance_types": ["ml.t3.medium", "ml.t3.medium"]},
         ["instance_types[1]: got 'ml.t3.medium'; is listed twice. Remove one."]),
        ({"idle_minutes": 120, "most_idle_minutes": 60},
         ["most_idle_minutes: got 60; is less than idle_minutes, 120. Use 120 or more."]),
        ({"volume_gib": 100}, ["most_volume_gib: got 50; is less than volume_gib, 100. Use 100 or more."]),
        ({"people": [EVE, ADA.upper(), BOB, BOB]},
         [f"people[0]: got '{EVE}'; is nobody of the team's. Add them to the team's people, or remove them.",
          f"people[1]: got '{ADA.upper()}'; is nobody of the team's. Write \"{ADA}\", as the team does.",
          f"people[3]: got '{BOB}'; is there twice. Remove one."]),
        ({"editors": ["jupyterlab", "jupyterlab"]}, ["editors[1]: got 'jupyterlab'; is listed twice. Remove one."]),
        ({"start_script": "écho"}, ["start_script: holds characters other than ASCII. Use ASCII."]),
        ({"people": []}, ["people: are none, so that nobody could work here. Name people of the team."]),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_what_to_do(given: dict[str, Any], expected: list[str]):
    assert faults(spec(**given)) == expected


@pytest.mark.parametrize("minutes", [59, 525_601])
def test_minutes_that_sagemaker_does_not_take_are_refused(minutes: int):
    with pytest.raises(ValueError, match="idle_minutes"):
        spec(idle_minutes=minutes)


def test_a_workbench_without_a_network_is_refused_with_everything_else_at_once():
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        Workbench(
            "workbench", spec(volume_gib=100), context=FRAUD, keys=keys, network=None, people={"ml-engineer": [ADA]}
        )

    with pytest.raises(SpecError) as refusal:
        record(program, project="p", stack="s", region="eu-west-1")
    assert [fault.problem for fault in refusal.value.faults] == [
        "is less than volume_gib, 100",
        "has no network to live in",
    ]


def test_what_the_role_carries_takes_none_of_the_room_for_inline_grants():
    inline = [n for n in recorded().nodes if n.type == "aws:iam/rolePolicy:RolePolicy" and "execution" in n.name]
    assert inline == []
    assert size({"Statement": statements(recorded())}) < 5_000
    assert node(recorded(), "workbench-work-attachment").properties["role"] == "ml-dev-fraud-workbench-execution"


def test_thirty_types_fit_into_the_policy():
    types = ["ml.t3.medium", *(name for name in STUDIO_TYPES if name != "ml.t3.medium")][:30]
    assert size({"Statement": statements(recorded(spec(instance_types=types).model_dump_json()))}) < 6_144


def test_the_examples_of_the_page_run():
    page = (Path(__file__).resolve().parents[2] / "docs" / "workbench.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert examples
    for example in examples:
        exec(compile(example, "docs/workbench.md", "exec"), {})
