"""A team in an account of its own: its fence and its stack live there, and nothing of them in the platform's."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.sandbox.lives import changed
from tests.shipped import copied, edit

from modelyard import engine as yard
from modelyard.blueprints.programs import Program, platform_program, team_program
from modelyard.blueprints.requirements import NEED_THE_BUS
from modelyard.core.errors import DeploymentError
from modelyard.engine import StackTarget
from modelyard_sandbox import inprocess
from modelyard_sandbox.accounting import counted
from modelyard_sandbox.emulator import Sandbox
from modelyard_sandbox.inprocess import Deployment

ROOT = Path(__file__).resolve().parents[2]
PLATFORMS, OWN = "123456789012", "210987654321"
ENVIRONMENT, REGION = "local", "eu-west-1"
ACCESS_ROLE = "OrganizationAccountAccessRole"
Client = Callable[[str, str], Any]


def network(client: Client) -> dict[str, Any]:
    """The account's default VPC, as a file describes a network that exists."""
    ec2 = client("ec2", REGION)
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    subnets = ec2.describe_subnets(Filters=inside)["Subnets"]
    private = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in subnets}
    return {"kind": "existing", "vpc_id": vpc["VpcId"], "subnets": {"private": private}}


def written(root: Path, client: Client, there: Client, team: str, *others: str) -> Path:
    """The shipped project with these teams, in networks that exist; `team` has an account of its own.

    It has what a team can have there: the platform's workbench and bus are in the platform's account.
    """
    copied(root)
    inside = network(there)
    filters = [{"Name": "vpc-id", "Values": [inside["vpc_id"]]}]
    (group,) = there("ec2", REGION).describe_security_groups(Filters=filters)["SecurityGroups"]

    def platform(document: Any) -> None:
        document["network"] = network(client)
        del document["workbenches"]
        for name in ("dev", "prod"):
            del document["environments"][name]

    def of_its_own(document: Any) -> None:
        document["account"] = OWN
        groups = dict.fromkeys(("workload", "training", "endpoints"), group["GroupId"])
        document["network"] = {**inside, "security_groups": groups}
        for part in ("workbench", *NEED_THE_BUS):
            for whole in (document, *document["environments"].values()):
                whole.pop(part, None)
            for access in document["personas"].values():
                access.pop({"governance": "evidence", "retraining": "retrain"}.get(part, part), None)

    def short(document: Any) -> None:
        for name in ("dev", "prod"):
            del document["environments"][name]

    edit(root / "platform" / "platform.yaml", platform)
    for path in (root / "stacks" / "teams").iterdir():
        if path.stem not in (team, *others):
            path.unlink()
            continue
        edit(path, short)
    edit(root / "stacks" / "teams" / f"{team}.yaml", of_its_own)
    return root


def with_data_alone(file: Any) -> None:
    """A team's file without what it builds and runs; how that lives in another account is seen without the engine."""
    for part in ("features", "training", "jobs", "registry", "serving", "monitoring"):
        for whole in (file, *file["environments"].values()):
            whole.pop(part, None)
    for access in file["personas"].values():
        for asked in [asked for asked in access if asked not in ("read", "write", "query")]:
            del access[asked]


def in_the_other_account(client: Client, settings: dict[str, Any]) -> Client:
    """Clients that work in the team's account, as a person of the organization would come into it."""
    arn = f"arn:aws:iam::{OWN}:role/administrator"
    got = client("sts", REGION).assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    session = boto3.Session(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
    return lambda service, region: session.client(service, region_name=region, **settings)


def organization_makes_the_account(there: Client) -> None:
    """What AWS Organizations does: a role in the new account that the organization's own account may assume."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{PLATFORMS}:root"},
        "Action": "sts:AssumeRole",
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    there("iam", REGION).create_role(RoleName=ACCESS_ROLE, AssumeRolePolicyDocument=trust)


def names(client: Client) -> set[str]:
    """The names of everything that a team has, of the kinds that tell."""
    iam, found = client("iam", REGION), set[str]()
    found |= {bucket["Name"] for bucket in client("s3", REGION).list_buckets()["Buckets"]}
    found |= {role["RoleName"] for role in iam.list_roles()["Roles"]}
    found |= {policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]}
    found |= {alias["AliasName"] for alias in client("kms", REGION).list_aliases()["Aliases"]}
    found |= {database["Name"] for database in client("glue", REGION).get_databases()["DatabaseList"]}
    found |= {secret["Name"] for secret in client("secretsmanager", REGION).list_secrets()["SecretList"]}
    found |= {each["Name"] for each in client("ssm", REGION).describe_parameters()["Parameters"]}
    return found | set(client("firehose", REGION).list_delivery_streams()["DeliveryStreamNames"])


def arns(found: Any) -> set[str]:
    """Every ARN in some outputs, however deep."""
    if isinstance(found, str):
        return {found} if found.startswith("arn:aws:") else set()
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return {arn for each in inner for arn in arns(each)}


class Both:
    """What is in both accounts."""

    def __init__(self, here: Client, there: Client) -> None:
        self.here, self.there = here, there
        self.begun = self.counts()

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        return counted(self.here, REGION), counted(self.there, REGION, account=OWN)

    def hold_apart(self, team: str, *others: str) -> None:
        """Everything of the team is in its account and nowhere else, and nothing of the others is there."""
        here, there = names(self.here), names(self.there)
        kinds = ("fence-boundary", "fence-deployment", "alias/", "lake-raw", f"ml_local_{team}_lake", "persona")
        for kind in kinds:
            assert [name for name in there if kind in name and team in name], kind
        assert not [name for name in here if team in name]
        assert not [name for name in there for other in others if other in name]
        assert all([name for name in here if other in name] for other in others)


@pytest.fixture
def moto() -> Iterator[tuple[Deployment, Both]]:
    with inprocess.deploy(lambda: None, region=REGION) as empty:
        there = in_the_other_account(empty.client, {})
        organization_makes_the_account(there)
        yield empty, Both(empty.client, there)


@pytest.fixture
def deployed() -> Iterator[Callable[..., Deployment]]:
    """Deploys programs beside one another, and lets them go in the end."""
    with contextlib.ExitStack() as stacks:

        def one(program: Program, **known: Any) -> Deployment:
            made = inprocess.deploy(
                program.run, project=program.project, stack=program.stack, region=REGION, stack_references=known
            )
            return stacks.enter_context(made)

        yield one


def test_a_team_lives_in_its_account_from_its_fence_to_its_end(
    moto: tuple[Deployment, Both], deployed: Callable[..., Deployment], tmp_path: Path
):
    empty, both = moto
    root = written(tmp_path / "project", empty.client, both.there, "fraud", "demand")
    programs = [platform_program(root, ENVIRONMENT), *(team_program(root, t, ENVIRONMENT) for t in ("demand", "fraud"))]
    platform = deployed(programs[0])
    known = {f"modelyard-platform/{ENVIRONMENT}": platform.outputs}
    others, team = (deployed(program, **known) for program in programs[1:])
    both.hold_apart("fraud", "demand")
    fence = platform.outputs["contract"]["teams"]["fraud"]
    assert arns(fence) and all(f":{OWN}:" in arn for arn in arns(fence))
    own = arns(team.outputs)
    assert own and all(f":{OWN}:" in arn for arn in own)
    for stack, program in zip((platform, others, team), programs, strict=True):
        stack.update(program.run)
        assert changed(stack) == {}
        stack.refresh()
        assert changed(stack) == {}
    for stack in (team, others, platform):
        stack.destroy()
    assert both.counts() == both.begun


def test_without_the_role_that_lets_the_platform_in_nothing_is_made_there(
    moto: tuple[Deployment, Both], deployed: Callable[..., Deployment], tmp_path: Path
):
    empty, both = moto
    root = written(tmp_path / "project", empty.client, both.there, "demand")
    both.there("iam", REGION).delete_role(RoleName=ACCESS_ROLE)
    with pytest.raises(DeploymentError, match=f"sts:AssumeRole on resource: arn:aws:iam::{OWN}:role/{ACCESS_ROLE}"):
        deployed(platform_program(root, ENVIRONMENT))
    assert not [name for name in names(both.there) if "demand" in name]


@pytest.mark.engine
def test_the_real_engine_makes_both_sides_and_leaves_nothing_on_either(tmp_path: Path):
    root = tmp_path / "project"
    sandbox = Sandbox(root)
    endpoint = sandbox.start()["endpoint"]
    try:
        session = boto3.Session("sandbox", "sandbox")

        def here(service: str, region: str) -> Any:
            return session.client(service, region_name=region, endpoint_url=endpoint)

        there = in_the_other_account(here, {"endpoint_url": endpoint})
        organization_makes_the_account(there)
        written(root, here, there, "demand")
        edit(root / "stacks" / "teams" / "demand.yaml", with_data_alone)
        (root / ".venv").symlink_to(sys.prefix)
        both = Both(here, there)
        with yard.Shown() as progress:
            engine = yard.install(progress)
        environment = {**sandbox.environment(), "PULUMI_PYTHON_CMD": sys.executable}
        platform = StackTarget(root / "platform", ENVIRONMENT, environment)
        team = StackTarget(root / "stacks", f"demand-{ENVIRONMENT}", environment)
        for target in (platform, team):
            yard.up(target, engine=engine)
        both.hold_apart("demand")
        for target in (platform, team):
            assert not yard.up(target, engine=engine).changed()
        for target in (team, platform):
            yard.down(target, engine=engine)
        assert both.counts() == both.begun
    finally:
        sandbox.stop()
