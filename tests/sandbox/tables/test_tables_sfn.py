"""State machines through their whole life."""

from __future__ import annotations

import json
from typing import Any

MACHINE = "aws:sfn/stateMachine:StateMachine"
GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:/modelyard/checks:*"


def waiting(seconds: int, comment: str = "waits") -> str:
    states = {"Wait": {"Type": "Wait", "Seconds": seconds, "End": True}}
    return json.dumps({"Comment": comment, "StartAt": "Wait", "States": states})


def checks(**changes: Any) -> dict[str, Any]:
    return {
        "name": "checks",
        "roleArn": "arn:aws:iam::123456789012:role/checks",
        "definition": waiting(5),
        **changes,
    }


def test_a_state_machine_lives_and_dies(cloud: Any) -> None:
    machine = cloud.make(MACHINE, **checks(tags={"team": "fraud"}))
    assert machine.id == machine["arn"] == "arn:aws:states:eu-west-1:123456789012:stateMachine:checks"
    assert machine["status"] == "ACTIVE"
    machine.update(definition=waiting(10, "waits longer"))
    assert machine["description"] == "waits longer"
    machine.update(loggingConfiguration={"level": "ERROR", "includeExecutionData": False, "logDestination": GROUP})
    machine.update(tracingConfiguration={"enabled": True})
    machine.update(tags={"team": "churn"})
    assert machine.forecast(name="others").replaces == {"name"}
    assert machine.forecast(type="EXPRESS").replaces == {"type"}
    assert machine.imported(machine.id).inputs["loggingConfiguration"]["level"] == "ERROR"
    machine.delete()


def test_a_definition_written_otherwise_is_no_change(cloud: Any) -> None:
    machine = cloud.make(MACHINE, **checks())
    assert not machine.forecast(definition=json.dumps(json.loads(waiting(5)), indent=2)).changed


def test_a_state_machine_is_encrypted_under_a_key(cloud: Any) -> None:
    key = cloud.make("aws:kms/key:Key", description="machines")["arn"]
    under_key = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key, "kmsDataKeyReusePeriodSeconds": 300}
    machine = cloud.make(MACHINE, **checks(encryptionConfiguration=under_key))
    assert machine["encryptionConfiguration"] == under_key


def test_what_somebody_else_changed_of_a_state_machine_is_found(cloud: Any) -> None:
    machine = cloud.make(MACHINE, **checks())
    cloud.client("stepfunctions").update_state_machine(stateMachineArn=machine.id, definition=waiting(99))
    assert "99" in machine.read().inputs["definition"]


def test_a_definition_that_starts_nowhere_is_refused(cloud: Any) -> None:
    for definition, said in (("no json", "is no JSON"), ('{"States": {"A": {"Type": "Pass"}}}', "StartAt")):
        _, refused = cloud.provider.check(MACHINE, "urn", {}, checks(definition=definition), b"seed")
        assert said in str(refused)


def test_a_state_that_leads_to_none_is_refused(cloud: Any) -> None:
    lost = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}})
    _, refused = cloud.provider.check(MACHINE, "urn", {}, checks(definition=lost), b"seed")
    assert "A leads to B, which is no state" in str(refused)


def test_a_state_machine_of_the_same_name_is_refused(cloud: Any) -> None:
    cloud.make(MACHINE, **checks())
    assert "StateMachineAlreadyExists" in cloud.refused(MACHINE, **checks(definition=waiting(7)))
