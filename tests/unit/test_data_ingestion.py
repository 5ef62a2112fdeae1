"""Events that come in: what is made, who may do what, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.assess.graph import Graph, record
from modelyard.build.data import DataLake, LakeSpec
from modelyard.core.access import trust_service
from modelyard.core.addresses import Addresses, StreamAddress
from modelyard.core.context import Context
from modelyard.core.document import load, parse
from modelyard.core.errors import InputError, SpecError
from modelyard.core.identity import Role
from modelyard.foundation.keys import KnownKeys

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
LAKE = """\
datasets:
  events:
    classification: confidential
    owner: fraud@acme.example
    retention_days: 400
    columns: [{name: id, type: string}]
    partitions: [{name: day, type: date}]
    ingestion: {}
  clicks:
    classification: internal
    owner: web@acme.example
    columns: [{name: id, type: string}]
    partitions: [{name: country, type: string}, {name: day, type: date}]
    ingestion: {kind: stream, partition_by: record, retention_hours: 72}
  labels:
    classification: internal
    owner: fraud@acme.example
    columns: [{name: id, type: string}]
"""


def spec_of(text: str) -> LakeSpec:
    return load(parse(text.encode(), "fraud.yaml"), LakeSpec)


def recorded(text: str = LAKE, act=lambda lake, role: None) -> Graph:
    def program():
        lake = DataLake("lake", spec_of(text), context=CONTEXT, keys=KnownKeys({"default": KEY}))
        trusted = [trust_service("lambda.amazonaws.com", context=CONTEXT)]
        act(lake, Role("sender", context=CONTEXT, trusted=trusted, description="sends"))

    return record(program, project="p", stack="s", region="eu-west-1")


@pytest.fixture(scope="module")
def graph() -> Graph:
    return recorded(act=lambda lake, role: lake.grant_publish(role))


def named(graph: Graph, name: str) -> dict[str, Any]:
    (found,) = (node for node in graph.nodes if node.name == name and node.type.startswith("aws:"))
    return dict(found.properties)


def statements(graph: Graph, policy: str) -> list[dict[str, Any]]:
    return json.loads(named(graph, policy)["policy"])["Statement"]


def actions(found: list[dict[str, Any]]) -> set[str]:
    return {a for s in found for a in (s["Action"] if isinstance(s["Action"], list) else [s["Action"]])}


def test_ingestion_without_a_kind_is_the_one_that_costs_nothing_while_nothing_comes(graph: Graph):
    streams = [node.name for node in graph.nodes if node.type == "aws:kinesis/stream:Stream"]
    assert streams == ["lake-clicks-stream"], "a stream is made where somebody asked for one"


def test_events_are_written_as_parquet_below_their_datasets_prefix_under_the_teams_key(graph: Graph):
    to = named(graph, "lake-events-delivery")["extendedS3Configuration"]
    assert to["prefix"] == "events/day=!{timestamp:yyyy-MM-dd}/"
    assert to["errorOutputPrefix"].startswith("_errors/events/!{firehose:error-output-type}/")
    assert to["kmsKeyArn"] == KEY
    conversion = to["dataFormatConversionConfiguration"]
    assert conversion["schemaConfiguration"]["tableName"] == "events"
    assert "parquetSerDe" in conversion["outputFormatConfiguration"]["serializer"]
    assert named(graph, "lake-events-delivery")["serverSideEncryption"]["keyArn"] == KEY


def test_partitions_by_record_are_taken_out_of_each_record(graph: Graph):
    to = named(graph, "lake-clicks-delivery")["extendedS3Configuration"]
    assert to["prefix"] == "clicks/country=!{partitionKeyFromQuery:country}/day=!{partitionKeyFromQuery:day}/"
    assert to["dynamicPartitioningConfiguration"]["enabled"] is True
    (processor,) = to["processingConfiguration"]["processors"]
    query = {p["parameterName"]: p["parameterValue"] for p in processor["parameters"]}["MetadataExtractionQuery"]
    assert query == "{country:.country,day:.day}"


def test_a_stream_is_on_demand_encrypted_and_kept_as_long_as_asked(graph: Graph):
    stream = named(graph, "lake-clicks-stream")
    assert stream["streamModeDetails"] == {"streamMode": "ON_DEMAND"}
    assert (stream["encryptionType"], stream["kmsKeyId"], stream["retentionPeriod"]) == ("KMS", KEY, 72)
    assert "serverSideEncryption" not in named(graph, "lake-clicks-delivery"), "the stream is encrypted already"


def test_athena_finds_what_ingestion_writes_though_nobody_registers_it(graph: Graph):
    events = named(graph, "lake-table-events")["parameters"]
    assert events["projection.enabled"] == "true"
    assert events["projection.day.range"] == "NOW-401DAYS,NOW+1DAYS", "as far back as objects stay"
    assert named(graph, "lake-table-clicks")["parameters"]["projection.country.type"] == "injected"
    assert "projection.enabled" not in named(graph, "lake-table-labels")["parameters"]


def test_firehose_adds_to_its_dataset_and_reads_nothing_of_it(graph: Graph):
    found = statements(graph, "lake-events-delivery-work")
    assert not {"s3:GetObject", "s3:DeleteObject", "kinesis:GetRecords"} & actions(found)
    (put,) = (s for s in found if "s3:PutObject" in s["Action"])
    assert [arn.partition("/")[2] for arn in put["Resource"]] == ["events/*", "_errors/events/*"]
    (schema,) = (s for s in found if "glue:GetTable" in s["Action"])
    assert [arn for arn in schema["Resource"] if ":table/" in arn] == [
        "arn:aws:glue:eu-west-1:123456789012:table/ml_dev_fraud_lake/events"
    ]
    assert all("*" not in (s["Resource"], *s["Resource"][:1]) for s in found)
    kms = {s["Condition"]["StringEquals"]["kms:ViaService"] for s in found if "kms:Decrypt" in s["Action"]}
    assert kms == {"s3.eu-west-1.amazonaws.com"}


def test_firehose_reads_the_stream_that_it_was_made_for(graph: Graph):
    (read,) = (s for s in statements(graph, "lake-clicks-delivery-work") if "kinesis:GetRecords" in s["Action"])
    assert read["Resource"].endswith(":stream/ml-dev-fraud-lake-clicks")


def test_nobody_borrows_firehoses_role_for_another_delivery(graph: Graph):
    (trust,) = json.loads(named(graph, "lake-events-delivery-role")["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "firehose.amazonaws.com"}
    assert trust["Condition"] == {
        "ArnLike": {"aws:SourceArn": "arn:aws:firehose:eu-west-1:123456789012:deliverystream/ml-dev-fraud-lake-events"},
        "StringEquals": {"aws:SourceAccount": "123456789012"},
    }


def test_a_delivery_waits_until_its_role_may_work(graph: Graph):
    (delivery,) = (node for node in graph.nodes if node.name == "lake-events-delivery" and "firehose" in node.type)
    assert any(urn.endswith("::lake-events-delivery-work") for urn in delivery.dependencies), (
        "Firehose tries the role when it is made"
    )


def test_a_sender_puts_events_and_does_nothing_else(graph: Graph):
    found = statements(graph, "sender-lake-access")
    assert actions(found) == {
        "firehose:PutRecord",
        "firehose:PutRecordBatch",
        "kinesis:PutRecord",
        "kinesis:PutRecords",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    }
    (put,) = (s for s in found if "kinesis:PutRecord" in s["Action"])
    assert put["Resource"] == "arn:aws:kinesis:eu-west-1:123456789012:stream/ml-dev-fraud-lake-clicks"
    (key,) = (s for s in found if "kms:Decrypt" in s["Action"])
    assert key["Condition"] == {"StringEquals": {"kms:ViaService": "kinesis.eu-west-1.amazonaws.com"}}


def test_a_sender_to_firehose_needs_no_key():
    graph = recorded(act=lambda lake, role: lake.grant_publish(role, datasets=["events"]))
    assert actions(statements(graph, "sender-lake-access")) == {"firehose:PutRecord", "firehose:PutRecordBatch"}


def test_a_sender_learns_where_to_put_events(graph: Graph):
    told = Addresses.model_validate_json(named(graph, "sender-lake-address")["insecureValue"])
    assert [(a.name, a.service, a.stream) for a in told.addresses if isinstance(a, StreamAddress)] == [
        ("clicks", "kinesis", "ml-dev-fraud-lake-clicks"),
        ("events", "firehose", "ml-dev-fraud-lake-events"),
    ]


def test_each_owner_hears_of_late_and_of_unfitting_events_on_a_topic_of_their_own(graph: Graph):
    topics = {
        node.properties["endpoint"]: node.properties["topic"]
        for node in graph.nodes
        if node.type == "aws:sns/topicSubscription:TopicSubscription"
    }
    assert set(topics) == {"fraud@acme.example", "web@acme.example"}
    late = named(graph, "lake-events-late")
    assert (late["metricName"], late["threshold"]) == ("DeliveryToS3.DataFreshness", 1800)
    assert late["alarmActions"] == [topics["fraud@acme.example"]]
    assert named(graph, "lake-clicks-unconverted")["alarmActions"] == [topics["web@acme.example"]]
    keys = {node.properties["kmsMasterKeyId"] for node in graph.nodes if node.type == "aws:sns/topic:Topic"}
    assert keys == {KEY}


def test_alarms_alone_publish_and_only_the_teams_own(graph: Graph):
    policies = [json.loads(n.properties["policy"]) for n in graph.nodes if n.type == "aws:sns/topicPolicy:TopicPolicy"]
    for policy in policies:
        (allowed,) = (s for s in policy["Statement"] if s["Effect"] == "Allow")
        assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        own = {"aws:SourceArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:ml-dev-fraud-*"}
        assert allowed["Condition"]["ArnLike"] == own


def test_what_could_not_be_converted_goes_after_its_days(graph: Graph):
    rules = {rule["filter"]["prefix"]: rule for rule in named(graph, "lake-raw-lifecycle")["rules"]}
    assert rules["_errors/events/"]["expiration"] == {"days": 30}


def test_publishing_to_a_dataset_that_takes_in_nothing_names_those_that_do():
    with pytest.raises(InputError, match=r"'labels'.*Those are: events, clicks"):
        recorded(act=lambda lake, role: lake.grant_publish(role, datasets=["labels"]))


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("ingestion: {}", "ingestion: {}\n    format: json",
         "datasets.events.format: got 'json'; is not what ingestion writes. Use parquet"),
        ("columns: [{name: id, type: string}]", "columns: []", "datasets.events.columns: got []"),
        ("    columns: [{name: id, type: string}]\n", "", "datasets.events.columns"),
        ("partitions: [{name: day, type: date}]", "partitions: [{name: country, type: string}]",
         "datasets.events.partitions[0]: got 'country'; is nothing that ingestion can write"),
        ("partitions: [{name: day, type: date}]\n    ingestion: {}", "ingestion: {partition_by: record}",
         "datasets.events.ingestion.partition_by: got 'record'; partitions by nothing"),
        ("ingestion: {}", "ingestion: {buffer_seconds: 900, late_minutes: 15}",
         "datasets.events.ingestion.late_minutes: got 15; comes before the buffer of 900 seconds is written"),
        ("ingestion: {}", "ingestion: {buffer_mib: 5}", "datasets.events.ingestion.buffer_mib: got 5"),
        ("ingestion: {}", "ingestion: {kind: kafka}", "datasets.events.ingestion"),
        ("ingestion: {}", "ingestion: {kind: stream, retention_hours: 8}",
         "datasets.events.ingestion.retention_hours: got 8"),
        ("datasets:\n", "access: {a: {service: lambda, publish: [labels]}}\ndatasets:\n",
         "access.a.publish[0]: got 'labels'; takes in no events"),
    ],
)  # fmt: skip
def test_ingestion_that_cannot_work_is_refused_where_it_is_written(written: str, instead: str, said: str):
    with pytest.raises(SpecError) as caught:
        spec_of(LAKE.replace(written, instead, 1))
    assert said in str(caught.value)
