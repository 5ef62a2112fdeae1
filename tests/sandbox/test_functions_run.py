"""Functions and state machines run in the sandbox: in moto's server apart, in moto in this process here."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from modelyard_sandbox import moto_extensions
from modelyard_sandbox.places import Places
from modelyard_sandbox.servers import Choice, Moto, at, free_port

Client = Callable[[str], Any]
WHO = """
import os
import boto3

def handler(event, context):
    print("looking")
    who = boto3.client("sts").get_caller_identity()["Arn"]
    return {"who": who, "event": event, "colour": os.environ["COLOUR"]}
"""


def made(client: Client, code: str = WHO, runtime: str = "python3.13", **how: Any) -> str:
    """A function's ARN."""
    iam, buffer = client("iam"), io.BytesIO()
    if not iam.list_roles()["Roles"]:
        iam.create_role(RoleName="works", Path="/modelyard/", AssumeRolePolicyDocument="{}")
    with zipfile.ZipFile(buffer, "w") as files:
        files.writestr("main.py", code)
    return client("lambda").create_function(
        FunctionName=f"f{len(client('lambda').list_functions()['Functions'])}",
        Runtime=runtime,
        Role="arn:aws:iam::123456789012:role/modelyard/works",
        Handler="main.handler",
        Code={"ZipFile": buffer.getvalue()},
        Environment={"Variables": {"COLOUR": "blue"}},
        **how,
    )["FunctionArn"]


def answered(client: Client, function: str) -> tuple[Any, bool]:
    said = client("lambda").invoke(FunctionName=function, Payload=b'{"n": 1}')
    return json.loads(said["Payload"].read()), "FunctionError" in said


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    places = Places(tmp_path_factory.mktemp("sandbox"))
    places.folder.mkdir(parents=True, exist_ok=True)
    port = free_port(None)
    process = Moto().start(port, Choice(), places)
    keys = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
    yield lambda service: boto3.client(service, region_name="eu-west-1", endpoint_url=at(port), **keys)
    process.stop()


@pytest.fixture
def here() -> Iterator[Client]:
    moto_extensions.install()
    keys = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
    with mock_aws():
        yield lambda service: boto3.client(service, region_name="eu-west-1", **keys)


@pytest.mark.parametrize("emulator", ["server", "here"])
def test_a_function_runs_under_its_role_with_its_own_variables(emulator: str, request: pytest.FixtureRequest):
    client: Client = request.getfixturevalue(emulator)
    function = made(client)
    said, failed = answered(client, function)
    assert not failed
    assert said["who"].startswith("arn:aws:sts::123456789012:assumed-role/works/f")
    assert (said["event"], said["colour"]) == ({"n": 1}, "blue")


@pytest.mark.parametrize("emulator", ["server", "here"])
def test_what_a_function_raises_is_told(emulator: str, request: pytest.FixtureRequest):
    client: Client = request.getfixturevalue(emulator)
    said, failed = answered(client, made(client, "def handler(event, context):\n    raise ValueError('no such n')\n"))
    assert failed
    assert said == {"errorType": "ValueError", "errorMessage": "no such n"}


def test_a_function_that_takes_too_long_is_ended(server: Client):
    said, failed = answered(server, made(server, "def handler(event, context):\n    while True: pass\n", Timeout=1))
    assert failed
    assert said["errorType"] == "Sandbox.Timedout"


def test_another_language_is_refused_and_not_pretended(here: Client):
    said, failed = answered(here, made(here, runtime="nodejs22.x"))
    assert failed
    assert "nodejs22.x" in said["errorMessage"]


def test_a_state_machine_runs_what_it_calls(server: Client):
    invoke = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": made(server), "Payload.$": "$"},
        "OutputPath": "$.Payload.event",
        "End": True,
    }
    machines = server("stepfunctions")
    machine = machines.create_state_machine(
        name="calls",
        roleArn="arn:aws:iam::123456789012:role/modelyard/works",
        definition=json.dumps({"StartAt": "Call", "States": {"Call": invoke}}),
    )
    started = machines.start_execution(stateMachineArn=machine["stateMachineArn"], input='{"n": 2}')
    found: dict[str, Any] = {"status": "RUNNING"}
    while found["status"] == "RUNNING":
        found = machines.describe_execution(executionArn=started["executionArn"])
    assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", {"n": 2})


def test_the_runner_needs_nothing_of_ours():
    runner = Path(moto_extensions.__file__).with_name("function_runner.py").read_text("utf-8")
    assert "import modelyard" not in runner


ECHO = """
import boto3, json

def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=event["detail"]["queue"], MessageBody=json.dumps(event))
    raise ValueError("after all")
"""


@pytest.mark.parametrize("emulator", ["server", "here"])
def test_a_rule_invokes_a_function_that_lets_it_in_and_its_failure_is_not_the_senders(
    emulator: str, request: pytest.FixtureRequest
):
    client: Client = request.getfixturevalue(emulator)
    queue = client("sqs").create_queue(QueueName="heard")["QueueUrl"]
    function, events = made(client, ECHO), client("events")
    rule = events.put_rule(Name="rule", EventPattern='{"source": ["mine"]}')["RuleArn"]
    events.put_targets(Rule="rule", Targets=[{"Id": "function", "Arn": function}])

    def tell() -> list[dict[str, Any]]:
        entry = {"Source": "mine", "DetailType": "told", "Detail": json.dumps({"queue": queue})}
        assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
        return client("sqs").receive_message(QueueUrl=queue).get("Messages", [])

    assert tell() == [], "the function's policy lets no rule in yet"
    client("lambda").add_permission(
        FunctionName=function,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    (message,) = tell()
    heard = json.loads(message["Body"])
    assert (heard["source"], heard["detail-type"], heard["detail"]["queue"]) == ("mine", "told", queue)
    assert heard["time"].endswith("Z")
