"""Secrets: who makes, rotates, reads and keeps them, as the graph shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from modelyard import Context, ExistingRole, Keys, KeysSpec, Role
from modelyard.assess.graph import Graph, Secret, record, reveal
from modelyard.core import document
from modelyard.core.access import trust_service
from modelyard.core.errors import AccessError, InputError, SpecError
from modelyard.core.spec import Spec
from modelyard.foundation.secrets import Secrets, SecretSpec, SecretsSpec

CONTEXT = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
FRAUD = CONTEXT.for_team("fraud")
KEY = "arn:aws:kms:{}:123456789012:key/11111111-2222-3333-4444-555555555555"
ELSEWHERE = "arn:aws:secretsmanager:eu-west-1:999999999999:secret:vendor-AbCdEf"
AT_HOME = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:vendor-AbCdEf"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:rotate"
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:rotate"
ROTATOR = "arn:aws:iam::123456789012:role/rotator"
GENERATED = {"kind": "generated"}
Use = Callable[[Secrets, Role], None]


def spec_of(**entries: Any) -> SecretsSpec:
    return SecretsSpec.model_validate({"entries": entries})


def graph_of(spec: SecretsSpec, use: Use | None = None, context: Context = FRAUD, **more: Any) -> Graph:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=context)
        secrets = Secrets("secrets", spec, context=context, keys=keys, **more)
        trusted = [trust_service("sagemaker.amazonaws.com", context=context)]
        role = Role("reader", context=context, trusted=trusted, description="reads")
        if use:
            use(secrets, role)

    return record(program, project="p", stack="s", region="eu-west-1")


def node(graph: Graph, name: str, type: str = "") -> Any:
    (found,) = [node for node in graph.nodes if node.name == name and type in node.type]
    return found


def statements(graph: Graph, name: str) -> list[dict[str, Any]]:
    return json.loads(node(graph, name).properties["policy"])["Statement"]


def read_all(secrets: Secrets, role: Role) -> None:
    secrets.grant_read(role, secrets=list(secrets.arns))


def test_a_generated_secret_is_made_by_the_service_and_handed_over_write_only():
    graph = graph_of(spec_of(db={**GENERATED, "length": 40, "version": 3}))
    value = node(graph, "secrets-db-value").properties
    assert isinstance(value["secretStringWo"], Secret)
    assert value["secretStringWoVersion"] == 3
    assert "secretString" not in value
    secret = node(graph, "secrets-db", ":Secret").properties
    assert secret["name"] == "ml-dev-fraud-secrets-db"
    assert secret["kmsKeyId"].startswith("arn:aws:kms:eu-west-1:123456789012:key/")
    assert "xxxx" not in graph.to_json(), "the graph never prints a value"


def test_a_generated_password_stands_beside_what_a_rotation_function_expects():
    graph = graph_of(spec_of(db={**GENERATED, "length": 16, "beside": {"username": "app"}}))
    value = json.loads(reveal(node(graph, "secrets-db-value").properties["secretStringWo"]))
    assert value == {"username": "app", "password": "x" * 16}


def test_a_key_domain_of_their_own_encrypts_secrets_where_there_is_one():
    def program() -> None:
        keys = Keys("keys", KeysSpec.model_validate({"domains": {"default": {}, "secrets": {}}}), context=FRAUD)
        Secrets("secrets", spec_of(db=GENERATED), context=FRAUD, keys=keys)

    graph = record(program, project="p", stack="s", region="eu-west-1")
    key = node(graph, "keys-secrets", ":Key").outputs["arn"]
    assert node(graph, "secrets-db", ":Secret").properties["kmsKeyId"] == key


@pytest.mark.parametrize(("production", "days", "protect"), [(False, 0, False), (True, 30, True)])
def test_a_destroy_leaves_nothing_outside_production_and_can_be_taken_back_in_it(production, days, protect):
    graph = graph_of(spec_of(db=GENERATED), context=replace(FRAUD, production=production))
    secret = node(graph, "secrets-db", ":Secret")
    assert secret.properties["recoveryWindowInDays"] == days
    assert bool(secret.options.get("protect")) is protect


def test_a_reader_gets_exactly_its_secrets_and_their_key_for_nothing_else():
    spec = spec_of(db=GENERATED, api=GENERATED)
    graph = graph_of(spec, lambda secrets, role: secrets.grant_read(role, secrets=["db"]))
    read, key = statements(graph, "reader-secrets-access")
    arn = node(graph, "secrets-db", ":Secret").outputs["arn"]
    assert read["Action"] == ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    assert read["Resource"] == arn
    assert key["Action"] == "kms:Decrypt"
    assert key["Condition"] == {
        "StringEquals": {
            "kms:EncryptionContext:SecretARN": arn,
            "kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com",
        }
    }
    shown = json.loads(node(graph, "reader-secrets-address").properties["insecureValue"])
    (address,) = shown["addresses"]
    assert (address["name"], address["secret_arn"], address["kind"]) == ("db", arn, "secret")


def test_a_grant_on_a_secret_that_is_not_there_names_those_that_are():
    with pytest.raises(InputError, match=r"entries: got 'dv'; is no secret here. There are: db."):
        graph_of(spec_of(db=GENERATED), lambda secrets, role: secrets.grant_read(role, secrets=["dv"]))


def test_whoever_is_not_below_the_owners_path_is_refused_the_value_and_named_readers_are_not():
    person = "arn:aws:iam::123456789012:role/people/ada"

    def use(secrets: Secrets, role: Role) -> None:
        secrets.grant_read(role, secrets=["db"])
        secrets.grant_read(ExistingRole("ada", person, context=FRAUD), secrets=["db"])

    (deny,) = statements(graph_of(spec_of(db=GENERATED), use), "secrets-db-policy")
    assert (deny["Effect"], deny["Principal"]) == ("Deny", "*")
    owners = "arn:aws:iam::123456789012:role/modelyard/ml/dev/fraud/*"
    assert deny["Condition"]["ArnNotLike"] == {"aws:PrincipalArn": [owners, person]}
    assert {"secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"} <= set(deny["Action"])


def test_deployers_outside_the_path_may_write_the_value():
    spec = SecretsSpec.model_validate({"entries": {"db": GENERATED}, "deployers": [ROTATOR]})
    (deny,) = statements(graph_of(spec), "secrets-db-policy")
    assert ROTATOR in deny["Condition"]["ArnNotLike"]["aws:PrincipalArn"]


def test_an_auditor_sees_who_reads_what():
    spec = spec_of(db={**GENERATED, "rotation": {"kind": "function", "arn": FUNCTION, "role": ROTATOR}}, api=GENERATED)
    graph = graph_of(spec, lambda secrets, role: secrets.grant_read(role, secrets=["db"]))
    shown = json.loads(node(graph, "secrets-consumers").properties["insecureValue"])
    assert shown == {"db": [ROTATOR, node(graph, "reader-role").outputs["arn"]], "api": []}
    assert node(graph, "secrets-consumers").properties["name"] == "/modelyard/ml/dev/fraud/secrets/consumers"


def test_replicas_are_encrypted_by_keys_of_their_regions_and_readable_there():
    key = KEY.format("eu-central-1")
    graph = graph_of(spec_of(db={**GENERATED, "replicas": {"eu-central-1": {"key_arn": key}}}), read_all)
    secret = node(graph, "secrets-db", ":Secret").properties
    assert secret["replicas"] == [{"region": "eu-central-1", "kmsKeyId": key}]
    there = [s for s in statements(graph, "reader-secrets-access") if "eu-central-1" in json.dumps(s)]
    arn = node(graph, "secrets-db", ":Secret").outputs["arn"].replace("eu-west-1", "eu-central-1")
    assert [s["Resource"] for s in there] == [arn, key]
    assert there[1]["Condition"]["StringEquals"] == {
        "kms:EncryptionContext:SecretARN": arn,
        "kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com",
    }


def test_somebody_elses_secret_is_granted_and_otherwise_left_alone():
    spec = spec_of(
        vendor={"kind": "reference", "arn": ELSEWHERE, "key_arn": KEY.format("eu-west-1")},
        own={"kind": "reference", "arn": AT_HOME},
        db={"kind": "managed", "prefix": "rds!cluster-7c"},
    )
    graph = graph_of(spec, read_all)
    assert [found for found in graph.nodes if "secretsmanager" in found.type] == []
    granted = statements(graph, "reader-secrets-access")
    assert [s["Resource"] for s in granted if "kms:Decrypt" in s["Action"]] == [KEY.format("eu-west-1")]
    resources = [s["Resource"] for s in granted if "kms:Decrypt" not in s["Action"]]
    assert resources[:2] == [ELSEWHERE, AT_HOME]
    assert ":secret:rds!cluster-7c-" in resources[2], "the one that was found, and no pattern"


def test_a_secret_that_a_service_of_the_program_makes_is_taken_in():
    def use(secrets: Secrets, role: Role) -> None:
        secrets.add_managed("master", AT_HOME)
        secrets.grant_read(role, secrets=["master"])
        with pytest.raises(InputError, match="already"):
            secrets.add_managed("master", AT_HOME)

    (read,) = statements(graph_of(spec_of(), use), "reader-secrets-access")
    assert read["Resource"] == AT_HOME


def test_a_value_of_the_environment_arrives_as_a_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VENDOR_KEY", "canary-in-the-environment")
    graph = graph_of(spec_of(vendor={"kind": "environment", "variable": "VENDOR_KEY"}))
    assert reveal(node(graph, "secrets-vendor-value").properties["secretStringWo"]) == "canary-in-the-environment"
    assert "canary" not in graph.to_json()
    assert "canary" not in repr(graph.nodes)


def test_a_check_without_the_values_needs_no_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("VENDOR_KEY", raising=False)
    graph = graph_of(spec_of(vendor={"kind": "environment", "variable": "VENDOR_KEY"}))
    assert reveal(node(graph, "secrets-vendor-value").properties["secretStringWo"]) == "the value of VENDOR_KEY"


def test_a_function_that_exists_rotates_and_its_role_gets_what_that_takes():
    rotation = {"kind": "function", "arn": FUNCTION, "role": ROTATOR, "every_hours": 4, "rotate_immediately": False}
    graph = graph_of(spec_of(db={**GENERATED, "rotation": rotation}))
    made = node(graph, "secrets-db-rotation").properties
    assert made["rotationRules"] == {"scheduleExpression": "rate(4 hours)"}
    assert (made["rotationLambdaArn"], made["rotateImmediately"]) == (FUNCTION, False)
    actions = {
        action for s in statements(graph, "secrets-db-rotator-secrets-access") for action in as_list(s["Action"])
    }
    assert actions == {
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetRandomPassword",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    }
    (deny,) = statements(graph, "secrets-db-policy")
    assert ROTATOR in deny["Condition"]["ArnNotLike"]["aws:PrincipalArn"]


def as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "rotate").mkdir()
    (tmp_path / "rotate" / "main.py").write_text("def handler(event, context): ...\n")
    (tmp_path / "rotate" / "__pycache__").mkdir()
    (tmp_path / "rotate" / "__pycache__" / "main.pyc").write_bytes(b"\xff\xfe")
    return tmp_path


BY_CODE = {**GENERATED, "rotation": {"kind": "code", "folder": "rotate", "every_days": 7, "variables": {"HOST": "db"}}}


def test_a_function_made_from_code_is_let_in_for_one_secret_and_can_do_no_more(code: Path):
    graph = graph_of(spec_of(db=BY_CODE), folder=code)
    function = node(graph, "secrets-db-rotator", ":Function").properties
    assert list(function["code"]["$archive"]["assets"]) == ["main.py"]
    assert function["environment"]["variables"]["HOST"] == "db"
    assert function["loggingConfig"]["logGroup"] == "/modelyard/ml/dev/fraud/secrets/db-rotator"
    permission = node(graph, "secrets-db-rotator-permission").properties
    assert permission["sourceArn"] == node(graph, "secrets-db", ":Secret").outputs["arn"]
    assert (permission["sourceAccount"], permission["principal"]) == (FRAUD.account, "secretsmanager.amazonaws.com")
    resources = [s["Resource"] for s in statements(graph, "secrets-db-rotator-secrets-access")]
    assert resources.count("*") == 1, "a random password is of no resource"
    (deny,) = statements(graph, "secrets-db-policy")
    assert len(as_list(deny["Condition"]["ArnNotLike"]["aws:PrincipalArn"])) == 1, "its role lies below the path"


def test_a_rotation_begins_when_value_permission_and_policies_are_there(code: Path):
    graph = graph_of(spec_of(db=BY_CODE), folder=code)
    rotation = node(graph, "secrets-db-rotation")
    before = {urn.rpartition("::")[2] for urn in rotation.dependencies}
    assert {"secrets-db-value", "secrets-db-rotator-permission", "secrets-db-rotator-secrets-access"} <= before


def test_a_schedule_starts_the_state_machine_with_the_secret():
    graph = graph_of(spec_of(db={**GENERATED, "rotation": {"kind": "state_machine", "arn": MACHINE, "role": ROTATOR}}))
    schedule = node(graph, "secrets-db-schedule").properties
    assert schedule["scheduleExpression"] == "rate(30 days)"
    assert schedule["target"]["arn"] == MACHINE
    assert json.loads(schedule["target"]["input"]) == {"SecretId": node(graph, "secrets-db", ":Secret").outputs["arn"]}
    (start,) = statements(graph, "secrets-db-starter-secrets-access")
    assert (start["Action"], start["Resource"]) == ("states:StartExecution", MACHINE)


ONE = TypeAdapter(SecretSpec)


@pytest.mark.parametrize(
    ("rotation", "said"),
    [
        ({"every_hours": 3}, "greater than or equal to 4"),
        ({"every_days": 0}, "greater than or equal to 1"),
        ({"every_days": 1001}, "less than or equal to 1000"),
    ],
)
def test_a_rotation_outside_what_the_service_takes_is_refused(rotation: dict[str, int], said: str):
    with pytest.raises(ValidationError, match=said):
        ONE.validate_python(
            {**GENERATED, "rotation": {"kind": "function", "arn": FUNCTION, "role": ROTATOR, **rotation}}
        )


FAULTS = [
    (
        {"db": {**GENERATED, "rotation": {"kind": "function", "arn": FUNCTION, "role": ROTATOR, "every_hours": 4}
                | {"every_days": 2}}},
        "excludes every_days",
    ),
    ({"db": {**GENERATED, "replicas": {"us-east-1": {"key_arn": KEY.format("eu-west-1")}}}}, "is no key of us-east-1"),
    ({"db": {**GENERATED, "replicas": {"eu-west-1": {"key_arn": KEY.format("eu-west-1")}}}}, "the secret itself"),
    ({"db": {**GENERATED, "beside": {"password": "x"}}}, "where the generated value goes"),
    ({"db": {"kind": "managed"}}, "one of the two is needed"),
    ({"db": {"kind": "managed", "arn": AT_HOME, "prefix": "rds!db-1"}}, "goes without prefix"),
    ({"db": {"kind": "reference", "arn": ELSEWHERE}}, "a key that no other account can use"),
    ({"db": {**GENERATED, "rotation": {"kind": "function", "arn": FUNCTION.replace("eu-", "us-"), "role": ROTATOR}}},
     "another account or region"),
    ({"db": BY_CODE | {"rotation": {"kind": "code", "folder": "nowhere"}}}, "is no folder"),
    ({"db": BY_CODE | {"rotation": {"kind": "code", "folder": "rotate", "handler": "other.run"}}}, "no file for the"),
    ({"db": BY_CODE | {"rotation": {"kind": "code", "folder": "rotate", "inside_network": True}}}, "needs a network"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "said"), FAULTS, ids=[said for _, said in FAULTS])
def test_what_cannot_be_deployed_is_said_before(entries: dict[str, Any], said: str, code: Path):
    with pytest.raises(SpecError, match=said):
        graph_of(spec_of(**entries), folder=code)


def test_all_faults_come_at_once(code: Path):
    db = {**GENERATED, "rotation": {"kind": "code", "folder": "nowhere", "inside_network": True}}
    with pytest.raises(SpecError) as raised:
        graph_of(spec_of(db=db, vendor={"kind": "reference", "arn": ELSEWHERE}), folder=code)
    assert len(raised.value.faults) == 3


@pytest.mark.parametrize("prefix", ["rds!", "rds", "!x", "RDS!cluster", "rds!*ab"])
def test_a_prefix_that_could_mean_many_secrets_is_refused(prefix: str):
    with pytest.raises(ValidationError):
        ONE.validate_python({"kind": "managed", "prefix": prefix})


def test_a_grant_after_the_program_is_refused():
    late: list[Secrets] = []
    graph_of(spec_of(db=GENERATED), lambda secrets, role: late.append(secrets))
    with pytest.raises(AccessError, match="after the policies were written"):
        record_late(late[0])


def record_late(secrets: Secrets) -> None:
    role = Role.__new__(Role)
    role.arn = secrets.arns["db"]
    secrets.grant_read(role, secrets=["db"])


PAGE = Path(__file__).resolve().parents[2] / "docs" / "secrets.md"


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_pages_program_runs():
    (program,) = examples("python")
    graph = record(lambda: exec(program, {}), project="p", stack="s", region="eu-west-1")
    assert statements(graph, "trainer-secrets-access")


def test_the_pages_file_is_taken_and_its_message_is_the_one_that_comes():
    class Page(Spec):
        secrets: SecretsSpec

    (text,) = examples("yaml")
    loaded = document.load(document.parse(text.encode(), "teams/fraud.yaml"), Page)
    assert list(loaded.secrets.entries) == ["warehouse", "vendor", "database", "shared"]
    assert list(loaded.secrets.faults_in(FRAUD.account, FRAUD.region)) == []
    fault = loaded.secrets.entries["vendor"].fault("variable", "x", "y")
    assert fault.source is not None and fault.source.path == "secrets.entries.vendor.variable"
