"""The audit's graph: what is recorded, who may write and read it, who is told, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pytest
from tests.unit.audits import ACCOUNT, CONTEXT, PRODUCTION, TOLD, audited, properties, statements

from modelyard.assess.graph import Graph, record
from modelyard.core.access import trust_service
from modelyard.core.context import Context
from modelyard.core.errors import InputError, SpecError
from modelyard.core.identity import Role
from modelyard.foundation.audit import AuditSpec, AuditTrail, KnownAudit

TRAIL = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/ml-dev-platform-audit"
BUS = f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/ml-dev-platform-audit"


def a_role(team: str | None, name: str = "approver") -> Role:
    context = CONTEXT.for_team(team) if team else CONTEXT
    trusted = [trust_service("lambda.amazonaws.com", context=context)]
    return Role(name, context=context, trusted=trusted, description="Acts")


def grants(graph: Graph, role: str = "approver") -> list[Any]:
    return json.loads(properties(graph, f"{role}-audit-access")["policy"])["Statement"]


def test_the_trail_records_every_region_validates_its_files_and_encrypts_them():
    trail = properties(audited(), "audit-trail")
    switches = ("isMultiRegionTrail", "includeGlobalServiceEvents", "enableLogFileValidation", "enableLogging")
    assert [trail[switch] for switch in switches] == [True] * 4
    assert trail["kmsKeyId"] and trail["cloudWatchLogsGroupArn"].endswith(":*")


def test_only_this_trail_writes_the_files():
    policy = statements(audited(), "audit-trail-files-policy")
    writes = policy["TrailWrites"]
    assert writes["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
    assert writes["Condition"]["StringEquals"]["aws:SourceArn"] == TRAIL
    assert writes["Resource"].endswith(f"/AWSLogs/{ACCOUNT}/*")
    nobody = policy["NobodyElseWrites"]
    assert (nobody["Effect"], nobody["Principal"]) == ("Deny", "*")
    assert nobody["Condition"] == {"StringNotEquals": {"aws:PrincipalServiceName": "cloudtrail.amazonaws.com"}}
    assert {"OnlyByTLS", "OnlyByModernTLS"} <= set(policy)


def test_in_production_nobody_lifts_the_lock_and_elsewhere_a_destroy_may():
    assert "NobodyLiftsTheLock" not in statements(audited(), "audit-trail-files-policy")
    denied = statements(audited(PRODUCTION, **TOLD), "audit-trail-files-policy")["NobodyLiftsTheLock"]
    assert "s3:BypassGovernanceRetention" in denied["Action"]
    assert (denied["Effect"], "Condition" in denied) == ("Deny", False)


@pytest.mark.parametrize(
    ("context", "spec", "expected"),
    [
        pytest.param(CONTEXT, {}, ("GOVERNANCE", 1, True, None), id="elsewhere it can be taken down"),
        pytest.param(CONTEXT, {"retention_days": 30}, ("GOVERNANCE", 30, True, None), id="as long as is said"),
        pytest.param(PRODUCTION, TOLD, ("GOVERNANCE", 365, False, True), id="production keeps a year"),
        pytest.param(
            PRODUCTION,
            {**TOLD, "retention_days": 2557, "lock": {"kind": "compliance", "undeletable": True}},
            ("COMPLIANCE", 2557, False, True),
            id="compliance where it is spelled out",
        ),
    ],
)
def test_the_files_are_locked_for_as_long_as_the_environment_asks(context: Context, spec: Any, expected: Any):
    graph = audited(context, **spec)
    lock = properties(graph, "audit-trail-files-lock")["rule"]["defaultRetention"]
    (node,) = [node for node in graph.nodes if node.name == "audit-trail-files"]
    assert node.properties["objectLockEnabled"] is True
    found = (lock["mode"], lock["days"], node.properties.get("forceDestroy", False), node.options.get("protect"))
    assert found == expected
    (rule,) = properties(graph, "audit-trail-files-lifecycle")["rules"]
    assert rule["expiration"]["days"] == lock["days"], "what needn't be kept costs nothing"


def test_the_key_lets_this_trail_encrypt_and_not_decrypt():
    policy = statements(audited(), "keys-default")
    encrypts = policy["TrailEncryptsItsFiles"]
    assert encrypts["Action"] == "kms:GenerateDataKey*"
    assert encrypts["Condition"]["StringEquals"]["aws:SourceArn"] == TRAIL
    assert encrypts["Condition"]["StringEquals"]["kms:EncryptionContext:aws:cloudtrail:arn"] == TRAIL
    of_trail = [it for it in policy.values() if it["Principal"].get("Service") == "cloudtrail.amazonaws.com"]
    assert "kms:Decrypt" not in json.dumps(of_trail)
    assert properties(audited(), "audit-trail-files-encryption")["rules"][0]["bucketKeyEnabled"] is False


def test_the_trail_waits_for_what_cloudtrail_checks():
    (trail,) = [node for node in audited().nodes if node.type == "aws:cloudtrail/trail:Trail"]
    needed = {urn.rpartition("::")[2] for urn in trail.dependencies}
    assert {"audit-trail-files-policy", "audit-delivery-policy"} <= needed


def test_the_role_of_delivery_writes_to_the_trails_streams_and_does_nothing_else():
    graph = audited()
    (statement,) = statements(graph, "audit-delivery-policy").values()
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert statement["Resource"].endswith(f":/modelyard/ml/dev/platform/audit/trail:log-stream:{ACCOUNT}_CloudTrail_*")
    (trust,) = statements(graph, "audit-delivery", "assumeRolePolicy").values()
    assert trust["Condition"]["ArnLike"]["aws:SourceArn"] == TRAIL


def selectors(graph: Graph) -> list[dict[str, Any]]:
    found = properties(graph, "audit-trail")["advancedEventSelectors"]
    return [
        {test["field"]: next(values for key, values in test.items() if key != "field") for test in it["fieldSelectors"]}
        for it in found
    ]


def test_what_is_watched_is_recorded_and_what_is_covered_is_said_once():
    def use(audit: AuditTrail) -> None:
        audit.watch_team("fraud")
        audit.watch("arn:aws:s3:::ml-dev-fraud-lake-raw-abc/transactions/", "arn:aws:s3:::other/labels/")
        audit.watch("arn:aws:dynamodb:eu-west-1:1:table/scores", kind="AWS::DynamoDB::Table")

    management, tables, objects = selectors(audited(use=use))
    assert management == {"eventCategory": ["Management"]}
    assert tables["resources.ARN"] == ["arn:aws:dynamodb:eu-west-1:1:table/scores"]
    assert objects["resources.type"] == ["AWS::S3::Object"]
    assert objects["resources.ARN"] == ["arn:aws:s3:::ml-dev-fraud-", "arn:aws:s3:::other/labels/"]


def test_only_writes_are_recorded_where_reads_cost_too_much_and_nothing_where_that_is_said():
    def use(audit: AuditTrail) -> None:
        audit.watch_team("fraud")

    assert selectors(audited(use=use, data_events="writes"))[1]["readOnly"] == ["false"]
    assert len(selectors(audited(use=use, data_events="none"))) == 1


def test_a_bucket_whose_name_deployment_gives_can_be_watched():
    def use(audit: AuditTrail) -> None:
        audit.watch(pulumi.Output.concat(audit.bucket.arn, "/"))

    assert selectors(audited(use=use))[1]["resources.ARN"][0].startswith("arn:aws:s3:::")


def test_more_than_a_trail_takes_is_refused_with_the_way_out():
    def use(audit: AuditTrail) -> None:
        audit.watch(*(f"arn:aws:s3:::lake/dataset-{number}/" for number in range(498)))

    with pytest.raises(InputError, match=r"501 values .* CloudTrail takes 500\. Watch whole buckets or teams"):
        audited(use=use)


def test_a_prefix_that_comes_too_late_is_refused():
    kept: list[AuditTrail] = []
    audited(use=kept.append)
    with pytest.raises(InputError, match="after the trail was made"):
        kept[0].watch("arn:aws:s3:::late/")


def test_the_bus_refuses_who_is_not_the_platforms_and_who_speaks_for_another():
    policy = statements(audited(), "audit-bus-policy")
    assert {statement["Effect"] for statement in policy.values()} == {"Deny"}, "the grants of roles decide"
    strangers = policy["OnlyRolesOfThePlatform"]["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
    assert strangers == [f"arn:aws:iam::{ACCOUNT}:role/modelyard/ml/dev/*"]
    forged = policy["EachTeamInItsOwnName"]["Condition"]["ForAnyValue:StringNotEquals"]["events:source"]
    assert forged == "modelyard.${aws:PrincipalTag/team}"


def test_roles_of_a_teams_own_account_are_let_in_below_the_platforms_path_alone():
    policy = statements(audited(use=lambda audit: audit.admit_account("210987654321")), "audit-bus-policy")
    theirs = policy["Account210987654321"]
    assert theirs["Principal"] == {"AWS": "arn:aws:iam::210987654321:root"}
    roles = "arn:aws:iam::210987654321:role/modelyard/ml/dev/*"
    assert theirs["Condition"]["ArnLike"]["aws:PrincipalArn"] == roles
    assert roles in policy["OnlyRolesOfThePlatform"]["Condition"]["ArnNotLike"]["aws:PrincipalArn"]


def test_the_events_are_encrypted_and_kept():
    graph = audited(event_days=400)
    assert properties(graph, "audit-bus")["kmsKeyIdentifier"]
    archive = properties(graph, "audit-archive")
    assert (archive["retentionDays"], archive["eventSourceArn"]) == (400, BUS)
    assert archive["kmsKeyIdentifier"]


def known() -> Graph:
    def program() -> None:
        audit, role = KnownAudit(CONTEXT.for_team("fraud")), a_role("fraud")
        audit.grant_publish(role, team="fraud")
        audit.grant_subscribe(role, team="fraud")

    return record(program, project="p", stack="s", region=CONTEXT.region)


def test_a_team_publishes_the_platforms_kinds_of_events_in_its_own_name():
    publish = grants(known())[0]
    assert (publish["Action"], publish["Resource"]) == ("events:PutEvents", BUS)
    only = publish["Condition"]["ForAllValues:StringEquals"]
    assert only["events:source"] == "modelyard.fraud"
    assert "modelyard.approval" in only["events:detail-type"]
    assert publish["Condition"]["Null"] == {"events:detail-type": "false", "events:source": "false"}


def test_a_team_subscribes_to_its_own_events_with_rules_and_targets_of_its_own_name():
    _, put, targets, *_ = grants(known())
    assert put["Resource"] == f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/ml-dev-platform-audit/ml-dev-fraud-*"
    assert put["Condition"]["ForAllValues:StringEquals"] == {"events:source": "modelyard.fraud"}
    led_to = targets["Condition"]["ForAllValues:ArnLike"]["events:TargetArn"]
    assert all("fraud" in arn for arn in led_to)


def test_who_was_granted_the_bus_is_told_where_it_is():
    address = json.loads(properties(known(), "approver-audit-address")["insecureValue"])["addresses"]
    assert address == [{"kind": "bus", "name": "events", "bus": BUS, "source": "modelyard.fraud"}]


def test_a_team_in_an_account_of_its_own_finds_the_platforms_bus():
    def program() -> None:
        elsewhere = dataclasses.replace(CONTEXT, team="fraud", account="210987654321")
        pulumi.export("bus", KnownAudit(elsewhere, account=ACCOUNT).bus_arn)

    assert record(program, project="p", stack="s", region=CONTEXT.region).outputs["bus"] == BUS


def test_an_auditor_reads_and_searches_and_changes_nothing():
    graph = audited(use=lambda audit: audit.grant_read(a_role(None, "auditor")))
    actions = {
        action
        for it in grants(graph, "auditor")
        for action in (it["Action"] if isinstance(it["Action"], list) else [it["Action"]])
    }
    assert {"s3:GetObject", "logs:FilterLogEvents", "kms:Decrypt"} <= actions
    assert not [action for action in actions if any(word in action for word in ("Put", "Delete", "Bypass", "Create"))]


def test_the_code_of_the_page_runs():
    page = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)

    def program() -> None:
        for block in blocks:
            exec(block, {})

    graph = record(program, project="p", stack="s", region=CONTEXT.region)
    assert len(blocks) == 2
    assert selectors(graph)[1]["resources.ARN"] == ["arn:aws:s3:::ml-dev-fraud-"]


@pytest.mark.parametrize(
    ("context", "spec", "message"),
    [
        (PRODUCTION, {**TOLD, "retention_days": 364}, r"retention_days: got 364; production keeps its trail for 365"),
        (PRODUCTION, {}, r"notify: got \[\]; nobody would hear of tampering in production\. Name at least one"),
        (
            PRODUCTION,
            {**TOLD, "lock": {"kind": "compliance"}},
            r"lock\.undeletable: got False; compliance mode can't be undone.* \"undeletable: true\"",
        ),
        (
            CONTEXT,
            {"lock": {"kind": "compliance", "undeletable": True}},
            r"lock\.kind: got 'compliance'; an environment that isn't production could never be taken down",
        ),
        (CONTEXT, {"notify": ["a@b.example", "a@b.example"]}, r"notify\[1\]: got 'a@b.example'; is there already"),
    ],
)
def test_an_audit_that_would_not_hold_is_refused(context: Context, spec: Any, message: str):
    with pytest.raises(SpecError, match=message):
        audited(context, **spec)


def test_all_faults_of_an_environment_are_told_at_once():
    with pytest.raises(SpecError) as refused:
        audited(PRODUCTION, retention_days=30)
    assert len(refused.value.faults) == 2


@pytest.mark.parametrize(
    "spec",
    [
        {"notify": ["security"]},
        {"retention_days": 0},
        {"log_days": 100},
        {"event_days": 0},
        {"data_events": "reads"},
        {"denied_calls": 0},
        {"lock": {"kind": "worm"}},
        {"retention": 365},
    ],
    ids=lambda spec: next(iter(spec)),
)
def test_a_value_that_nothing_takes_is_refused(spec: dict[str, Any]):
    with pytest.raises(ValueError, match=next(iter(spec))):
        AuditSpec.model_validate(spec)
