"""Rules on data: what they become in DQDL, who looks at them under which role, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.assess.graph import Graph, record
from modelyard.build.data import DataLake, DatasetSpec, LakeSpec
from modelyard.core.context import Context
from modelyard.core.document import load, parse
from modelyard.core.errors import SpecError
from modelyard.foundation.keys import KnownKeys
from modelyard_sandbox.moto_extensions.glue_quality import rules_of

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
LAKE = """\
datasets:
  events:
    classification: internal
    owner: fraud@acme.example
    columns: [{name: id, type: string}, {name: amount, type: "decimal(12,2)"}, {name: at, type: timestamp}]
    partitions: [{name: day, type: date}]
    quality:
      rules:
        - {kind: completeness, column: id}
        - {kind: range, column: amount, minimum: 0}
      when: {kind: arrival}
  labels:
    classification: internal
    owner: fraud@acme.example
    columns: [{name: id, type: string}]
    quality: {rules: [{kind: row_count}]}
"""


def spec_of(text: str) -> LakeSpec:
    return load(parse(text.encode(), "fraud.yaml"), LakeSpec)


@pytest.fixture(scope="module")
def graph() -> Graph:
    def program():
        DataLake("lake", spec_of(LAKE), context=CONTEXT, keys=KnownKeys({"default": KEY}))

    return record(program, project="p", stack="s", region="eu-west-1")


def named(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = (node for node in graph.nodes if node.name == name and node.type.startswith("aws:"))
    return dict(found.properties)


def statements(graph: Graph, policy: str) -> list[dict[str, Any]]:
    return json.loads(named(graph, policy)["policy"])["Statement"]


def actions(found: list[dict[str, Any]]) -> set[str]:
    return {a for s in found for a in (s["Action"] if isinstance(s["Action"], list) else [s["Action"]])}


RULES = [
    ({"kind": "completeness", "column": "id"}, 'IsComplete "id"'),
    ({"kind": "completeness", "column": "id", "at_least_percent": 95}, 'Completeness "id" >= 0.95'),
    ({"kind": "uniqueness", "column": "id"}, 'IsUnique "id"'),
    ({"kind": "uniqueness", "column": "id", "at_least_percent": 99.5}, 'Uniqueness "id" >= 0.995'),
    ({"kind": "range", "column": "amount", "minimum": 0}, 'ColumnValues "amount" >= 0'),
    (
        {"kind": "range", "column": "amount", "minimum": 0.5, "maximum": 9},
        '(ColumnValues "amount" >= 0.5) and (ColumnValues "amount" <= 9)',
    ),
    (
        {"kind": "allowed", "column": "id", "values": ["a", "b"], "at_least_percent": 90},
        'ColumnValues "id" in ["a", "b"] with threshold >= 0.9',
    ),
    ({"kind": "freshness", "column": "at", "within_hours": 24}, 'DataFreshness "at" <= 24 hours'),
    ({"kind": "row_count"}, "RowCount >= 1"),
    ({"kind": "row_count", "at_least": 5, "at_most": 10}, "(RowCount >= 5) and (RowCount <= 10)"),
    ({"kind": "dqdl", "rule": 'Mean "amount" between 5 and 500'}, 'Mean "amount" between 5 and 500'),
]


@pytest.mark.parametrize(("rule", "dqdl"), RULES)
def test_a_rule_becomes_dqdl(rule: dict[str, Any], dqdl: str):
    columns = [{"name": "id", "type": "string"}, {"name": "amount", "type": "double"}, {"name": "at", "type": "date"}]
    given = {"classification": "internal", "owner": "a@b.example", "columns": columns, "quality": {"rules": [rule]}}
    spec = DatasetSpec.model_validate(given)
    assert spec.quality is not None
    assert rules_of(spec.quality.ruleset()) == [dqdl]
    assert not list(spec.all_faults())


def test_rules_are_bound_to_their_table(graph: Graph):
    ruleset = named(graph, "lake-events-rules")
    assert ruleset["targetTable"] == {"databaseName": "ml_dev_fraud_lake", "tableName": "events"}
    assert rules_of(ruleset["ruleset"]) == ['IsComplete "id"', 'ColumnValues "amount" >= 0']


def test_what_arrives_below_the_datasets_partitions_starts_a_look(graph: Graph):
    pattern = json.loads(named(graph, "lake-events-arrived")["eventPattern"])
    assert pattern["detail"]["object"]["key"] == [{"prefix": "events/day="}]
    assert pattern["detail"]["bucket"]["name"] == [named(graph, "lake-raw")["bucket"]]
    assert named(graph, "lake-raw-arrivals")["eventbridge"] is True
    notified = [node.name for node in graph.nodes if "bucketNotification" in node.type]
    assert notified == ["lake-raw-arrivals"], "zones in which nobody waits stay silent"
    (start,) = statements(graph, "lake-events-quality-start-work")
    assert start["Resource"] == "arn:aws:states:eu-west-1:123456789012:stateMachine:ml-dev-fraud-lake-events-quality"


def test_without_a_word_the_clock_starts_a_look_at_night(graph: Graph):
    schedule = named(graph, "lake-labels-quality-schedule")
    assert schedule["scheduleExpression"] == "cron(0 4 * * ? *)"
    (trust,) = json.loads(named(graph, "lake-labels-quality-start-role")["assumeRolePolicy"])["Statement"]
    group = "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/ml-dev-fraud-lake-labels-quality"
    assert trust["Condition"]["ArnLike"]["aws:SourceArn"] == group, "no schedule of others takes the role"


def test_the_machine_runs_one_ruleset_tells_one_topic_and_passes_one_role(graph: Graph):
    found = statements(graph, "lake-events-quality-work")
    assert actions(found) == {
        "glue:CreatePartition",
        "glue:GetDataQualityResult",
        "glue:GetDataQualityRulesetEvaluationRun",
        "glue:GetTable",
        "glue:StartDataQualityRulesetEvaluationRun",
        "iam:PassRole",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "sns:Publish",
    }
    (passes,) = (s for s in found if s["Action"] == "iam:PassRole")
    assert passes["Condition"] == {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}
    assert passes["Resource"].endswith("lake-events-quality-reader")
    assert "glue:CreatePartition" not in actions(statements(graph, "lake-labels-quality-work"))


def test_glue_reads_the_dataset_and_writes_nothing(graph: Graph):
    found = statements(graph, "lake-events-quality-reader-work")
    assert not {action for action in actions(found) if action.startswith(("s3:Put", "s3:Delete", "glue:Create"))}
    read = [arn for s in found if "s3:GetObject" in s["Action"] for arn in [s["Resource"]]]
    assert [arn.partition(":::")[2].partition("/")[2] for arn in read] == ["events/*", "*"]
    assert "aws-glue-ml-data-quality-assets-eu-west-1" in read[1], "Glue's own code, which it fetches under the role"


def test_a_look_that_fails_raises_an_alarm_to_the_owner(graph: Graph):
    alarm = named(graph, "lake-events-quality-failed")
    assert (alarm["namespace"], alarm["metricName"]) == ("AWS/States", "ExecutionsFailed")
    (topic,) = (node.outputs["arn"] for node in graph.nodes if node.type == "aws:sns/topic:Topic")
    assert alarm["alarmActions"] == [topic]


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("column: id}", "column: nobody}",
         "datasets.events.quality.rules[0].column: got 'nobody'; speaks of a column that the dataset hasn't"),
        ("{kind: completeness, column: id}", "{kind: completeness, column: id, at_least_percent: 101}",
         "rules[0].at_least_percent: got 101"),
        ("{kind: completeness, column: id}", "{kind: range, column: id, minimum: 1}",
         "rules[0].column: got 'id'; is of type string"),
        ("minimum: 0}", "minimum: 5, maximum: 1}", "rules[1].minimum: got 5"),
        (", minimum: 0}", "}", "rules[1]: bounds nothing"),
        ("{kind: completeness, column: id}", "{kind: freshness, column: amount, within_hours: 1}",
         "is of type decimal(12,2). Take a column of type date, timestamp"),
        ("{kind: completeness, column: id}", "{kind: row_count, at_least: 9, at_most: 1}", "rules[0].at_least: got 9"),
        ("{kind: completeness, column: id}", "{kind: dqdl, rule: 'IsComplet \"id\"'}", "begins with no rule type"),
        ("{kind: completeness, column: id}", "{kind: dqdl, rule: 'Mean \"nobody\" > 1'}", "it has id, amount, at, day"),
        ("{kind: completeness, column: id}", "{kind: dqdl, rule: 'Mean \"id > 1'}", "leaves a quote or a bracket open"),
        ("{kind: completeness, column: id}", "{kind: guess}", "quality.rules[0]"),
        ("rules: [{kind: row_count}]", "rules: []", "datasets.labels.quality.rules: got []"),
        ("rules: [{kind: row_count}]", "rules: [{kind: row_count}], when: {kind: schedule, expression: daily}",
         "quality.when.expression: got 'daily'"),
        ("rules: [{kind: row_count}]}", "rules: [{kind: row_count}]}\n    ingestion: {}\n    partitions: "
         "[{name: year, type: int}, {name: month, type: int}]",
         "datasets.labels.quality.when: got 'schedule'; can't tell which partitions are new"),
    ],
)  # fmt: skip
def test_rules_that_cannot_hold_are_refused_where_they_are_written(written: str, instead: str, said: str):
    with pytest.raises(SpecError) as caught:
        spec_of(LAKE.replace(written, instead, 1))
    assert said in str(caught.value)
