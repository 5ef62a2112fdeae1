"""What a change does to a stack, from two graphs: small ones here, the engine's own verdicts in tests/sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelyard.assess.graph.model import Graph, Node
from modelyard.assess.graph.values import UNKNOWN, Secret
from modelyard.assess.impact.changes import LATER
from modelyard.assess.impact.files import with_contents
from modelyard.assess.impact.forecast import Forecast, Op, Step, forecast
from modelyard.assess.impact.plan import Plan, Planned, summary
from modelyard.assess.impact.replacing import Effect
from modelyard.assess.impact.settling import settled
from modelyard.assess.impact.state import Lost
from modelyard.assess.policy.examples import Of, graph_of, part
from modelyard.core.retention import Retention

BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
TABLE = "aws:dynamodb/table:Table"
KEY = "aws:kms/key:Key"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
STACK = "aws:cloudformation/stack:Stack"
CONTROL = "aws:cloudcontrol/resource:Resource"
CLUSTER = "aws:eks/cluster:Cluster"
PARAMETER = "aws:ssm/parameter:Parameter"


def with_options(graph: Graph, name: str, **options: Any) -> Graph:
    nodes = (replace(node, options=options) if node.name == name else node for node in graph)
    return Graph(graph.project, graph.stack, tuple(nodes))


def steps(said: Forecast) -> dict[str, Step]:
    return {step.name: step for step in said.steps}


def ops(before: Graph, after: Graph) -> dict[str, Op]:
    return {name: step.op for name, step in steps(forecast(before, after)).items()}


def changed(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Step | None:
    """What happens to one resource whose properties change."""
    found = forecast(graph_of([part(kind, "it", **before)]), graph_of([part(kind, "it", **after)]))
    return steps(found).get("it")


def test_what_stays_is_only_counted():
    graph = graph_of([part(BUCKET, "raw", bucket="a"), part(KEY, "key")])
    said = forecast(graph, graph)
    assert (said.steps, said.same) == ((), 2)


def test_a_bucket_that_is_called_otherwise_is_replaced_and_its_data_goes():
    step = changed(BUCKET, {"bucket": "a"}, {"bucket": "b"})
    assert step is not None and step.op is Op.REPLACE
    assert [str(change) for change in step.changes] == ["bucket a → b  (replaces)"]
    assert step.loses is not None and (step.loses.lost, step.loses.thing) == (Lost.DATA, "bucket")
    assert not step.deletes_first, "two names can stand beside each other"


def test_a_name_that_comes_by_itself_is_no_change_and_one_that_is_written_then_is():
    assert changed(BUCKET, {"bucket": "raw-1234567", "__defaults": ["bucket"]}, {}) is None
    step = changed(BUCKET, {"bucket": "raw-1234567", "__defaults": ["bucket"]}, {"bucket": "raw"})
    assert step is not None and step.op is Op.REPLACE


def test_a_thing_that_keeps_its_name_goes_before_its_successor():
    step = changed(TABLE, {"name": "t", "hashKey": "a"}, {"name": "t", "hashKey": "b"})
    assert step is not None and (step.op, step.deletes_first) == (Op.REPLACE, True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"tags": {"a": "1"}}, {"tags": {"a": "1"}, "forceDestroy": False}),
        ({"policy": '{"a": 1, "b": 2}'}, {"policy": '{"b":2,"a":1}'}),
        ({"tags": {}}, {}),
        ({"tags": None}, {}),
    ],
)
def test_what_says_the_same_is_no_change(before: dict[str, Any], after: dict[str, Any]):
    assert changed(BUCKET, before, after) is None


def test_nobody_knows_what_a_change_does_to_a_type_that_isnt_in_the_table():
    step = changed("aws:nowhere/thing:Thing", {"size": 1}, {"size": 2})
    assert step is not None and step.op is Op.MAY_REPLACE, "never silently an update"


def test_a_value_that_only_the_deployment_tells_may_replace():
    step = changed(BUCKET, {"bucket": "a"}, {"bucket": UNKNOWN})
    assert step is not None and step.op is Op.MAY_REPLACE
    assert step.changes[0].after == LATER


def test_secrets_are_compared_and_never_shown():
    step = changed(PARAMETER, {"value": Secret("hush-hush")}, {"value": Secret("hush")})
    assert step is not None and step.op is Op.UPDATE
    assert "hush" not in json.dumps(step.as_json()) + str(step.changes[0])
    assert changed(PARAMETER, {"value": Secret("hush")}, {"value": "hush"}) is None, "the provider gets the same"


def test_a_secret_that_the_state_encrypts_is_told_as_one_that_cannot_be_compared():
    step = changed(PARAMETER, {"value": Secret(), "type": "String"}, {"value": Secret("hush"), "type": "SecureString"})
    assert step is not None and step.uncompared == ("value",)
    assert [change.path for change in step.changes] == ["type"]


def test_what_options_ignore_is_no_change_and_what_they_name_replaces():
    before, after = (graph_of([part(LOGS, "logs", retentionInDays=days)]) for days in (7, 30))
    assert ops(before, with_options(after, "logs", ignoreChanges=["retentionInDays"])) == {}
    assert ops(before, after) == {"logs": Op.UPDATE}
    assert ops(before, with_options(after, "logs", replaceOnChanges=["retentionInDays"])) == {"logs": Op.REPLACE}


def test_a_changed_replacement_trigger_replaces():
    graph = graph_of([part(LOGS, "logs", name="a")])
    before, after = (with_options(graph, "logs", replacementTrigger=value) for value in ("1", "2"))
    assert ops(before, after) == {"logs": Op.REPLACE}


def test_what_is_made_anew_gives_others_a_new_value():
    def graph(name: str) -> Graph:
        return graph_of([part(BUCKET, "raw", bucket=name), part(VERSIONING, "versions", bucket=Of("raw"))])

    said = steps(forecast(graph("a"), graph("b")))
    assert said["versions"].op is Op.REPLACE and said["versions"].changes[0].after == LATER
    assert [urn.rpartition("::")[2] for urn in said["raw"].dependents] == ["versions"], "downstream is told"


def test_what_reads_a_known_value_of_something_made_anew_stays():
    def graph(name: str) -> Graph:
        return graph_of([part(LOGS, "logs", name=name), part(VERSIONING, "versions", bucket=Of("logs"))])

    before, after = graph("a"), graph("b")
    assert ops(before, after) == {"logs": Op.REPLACE, "versions": Op.REPLACE}
    told = steps(forecast(before, after, lambda: after))
    assert told.keys() == {"logs"}, "a preview knows the value"


def test_what_reads_from_a_thing_that_goes_first_goes_too():
    def graph(key: str) -> Graph:
        table = part(TABLE, "items", name="items", hashKey=key)
        return graph_of([table, part(VERSIONING, "versions", bucket=Of("items"))])

    after = graph("b")
    said = steps(forecast(graph("a"), after, lambda: after))
    assert said["versions"].op is Op.REPLACE and said["versions"].deletes_first
    assert said["versions"].because == ("bucket comes from items, which goes first",)


def test_what_goes_with_its_source_goes_first_too_though_its_name_comes_by_itself():
    def graph(key: str) -> Graph:
        table = part(TABLE, "items", name="items", hashKey=key)
        return graph_of([table, part("aws:iam/rolePolicy:RolePolicy", "read", role=Of("items"), policy="{}")])

    after = graph("b")
    assert steps(forecast(graph("a"), after, lambda: after))["read"].deletes_first


def test_what_is_replaced_with_another_is_told_so():
    def graph(name: str) -> Graph:
        logs = part("aws:cloudwatch/logStream:LogStream", "stream", name="s")
        return graph_of([part(BUCKET, "raw", bucket=name), logs])

    urn = graph("a").named("raw")[0].urn
    before, after = (with_options(graph(name), "stream", replaceWith=[urn]) for name in ("a", "b"))
    said = steps(forecast(before, after))["stream"]
    assert said.op is Op.REPLACE and said.because == ("is replaced with raw",)


@pytest.mark.parametrize("packed", [False, True])
def test_files_are_compared_by_what_is_in_them_and_not_by_where_they_lie(tmp_path: Path, packed: bool):
    def graph(folder: str, content: str) -> Graph:
        root = tmp_path / folder
        (root / "stacks" / "code").mkdir(parents=True)
        (root / "stacks" / "code" / "main.py").write_text(content)
        asset = {"$archive": {"path": "code"}} if packed else {"$asset": {"path": str(root / "stacks/code/main.py")}}
        made = graph_of([part("aws:lambda/function:Function", "score", code=asset)])
        return with_contents(made, root / "stacks", root)

    before = graph("before", "1")
    assert forecast(before, graph("same", "1")).steps == ()
    assert ops(before, graph("other", "2")) == {"score": Op.UPDATE}


def test_what_stands_against_a_deletion_is_told():
    graph = graph_of([part(BUCKET, "raw", bucket="a")])
    before = with_options(graph, "raw", protect=True, deletedWith="urn:pulumi:s::p::t::lake")
    (step,) = forecast(before, graph_of([])).steps
    assert step.op is Op.DELETE and step.against == ("protect", "deletedWith lake")
    assert step.loses is not None and step.loses.retention is Retention.KEEP


@pytest.mark.parametrize(
    ("before", "after", "op"),
    [
        ({"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}, Op.REPLACE),
        ({"metadata": {"name": "a"}}, {"metadata": {"name": "a", "labels": {"team": "fraud"}}}, Op.UPDATE),
        ({"spec": {"storageClassName": "a"}}, {"spec": {"storageClassName": "b"}}, Op.REPLACE),
    ],
)
def test_an_object_of_kubernetes_is_its_name_and_what_it_holds_goes_with_it(
    before: dict[str, Any], after: dict[str, Any], op: Op
):
    step = changed("kubernetes:core/v1:PersistentVolumeClaim", before, after)
    assert step and step.op is op and bool(step.loses) is op.destroys


@pytest.mark.parametrize(("ignored", "thing"), [(("insecureValue",), "parameter"), (("tags",), None), ((), None)])
def test_a_parameter_that_others_fill_in_loses_its_value(ignored: tuple[str, ...], thing: str | None):
    before = with_options(graph_of([part(PARAMETER, "p", name="champion")]), "p", ignoreChanges=ignored)
    (step,) = forecast(before, graph_of([])).steps
    assert (step.loses.thing if step.loses else None) == thing


def test_what_pulumi_leaves_in_the_cloud_is_not_lost():
    before = with_options(graph_of([part(BUCKET, "raw", bucket="a")]), "raw", retainOnDelete=True)
    (step,) = forecast(before, graph_of([])).steps
    assert step.op is Op.DELETE and step.loses is None and step.against == ("retainOnDelete",)


@pytest.mark.parametrize(
    ("kind", "given", "retention"),
    [
        (BUCKET, {"forceDestroy": True}, Retention.EPHEMERAL),
        (BUCKET, {}, None),
        ("aws:ecr/repository:Repository", {"forceDelete": True}, Retention.EPHEMERAL),
        ("aws:rds/instance:Instance", {"skipFinalSnapshot": False}, Retention.SNAPSHOT),
        ("aws:rds/instance:Instance", {"skipFinalSnapshot": True}, Retention.EPHEMERAL),
        ("aws:secretsmanager/secret:Secret", {"recoveryWindowInDays": 0}, Retention.EPHEMERAL),
        ("aws:sagemaker/domain:Domain", {"retentionPolicy": {"homeEfsFileSystem": "Retain"}}, Retention.KEEP),
    ],
)
def test_the_components_own_retention_is_read_from_the_graph(
    kind: str, given: dict[str, Any], retention: Retention | None
):
    (step,) = forecast(graph_of([part(kind, "it", **given)]), graph_of([])).steps
    assert step.loses is not None and step.loses.retention is retention


def endpoint(**given: Any) -> str:
    resource = {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointName": "score", **given}}
    return json.dumps({"Resources": {"It": resource}})


def test_an_endpoint_inside_a_stack_is_seen_through_it():
    assert (found := changed(STACK, {"templateBody": endpoint(EndpointConfigName="a")}, {"templateBody": endpoint()}))
    assert (found.op, found.loses) == (Op.UPDATE, None)
    other = changed(STACK, {"templateBody": endpoint()}, {"templateBody": endpoint(EndpointName="other")})
    assert other is not None and other.op is Op.UPDATE
    assert other.because == ("AWS::SageMaker::Endpoint is made anew: EndpointName changes",)
    assert other.loses is not None and other.loses.lost is Lost.ADDRESS


def test_a_desired_state_of_cloud_control_is_compared_inside():
    def resource(**given: Any) -> Any:
        state = json.dumps({"EndpointName": "score", **given})
        return {"typeName": "AWS::SageMaker::Endpoint", "desiredState": state}

    assert (found := changed(CONTROL, resource(EndpointConfigName="a"), resource(EndpointConfigName="b")))
    assert (found.op, found.changes[0].path) == (Op.UPDATE, "EndpointConfigName")
    other = changed(CONTROL, resource(), resource(EndpointName="other"))
    assert other is not None and other.op is Op.REPLACE and other.type == "AWS::SageMaker::Endpoint"


def test_an_alias_makes_it_the_same_resource():
    before, after = (graph_of([part(BUCKET, name, bucket="b")]) for name in ("raw", "landing"))
    assert ops(before, after) == {"raw": Op.DELETE, "landing": Op.CREATE}
    urn = before.named("raw")[0].urn
    assert ops(before, with_options(after, "landing", aliases=[urn])) == {}


def test_another_provider_may_replace():
    graph = graph_of([part(BUCKET, "raw", bucket="a")])
    nodes = tuple(replace(node, provider="urn:x") if node.name == "raw" else node for node in graph)
    (step,) = forecast(graph, Graph(graph.project, graph.stack, nodes)).steps
    assert step.op is Op.MAY_REPLACE and step.because == ("another provider makes it",)


def test_imports_and_what_is_external_destroy_nothing():
    after = with_options(graph_of([part(BUCKET, "raw", bucket="a")]), "raw", importId="a")
    assert ops(graph_of([]), after) == {"raw": Op.IMPORT}
    external = Graph("p", "s", (Node("urn:pulumi:s::p::t::x", BUCKET, "x", external=True),))
    assert forecast(external, Graph("p", "s", ())).steps == ()


def test_a_recording_beside_a_state_takes_over_what_the_deployment_computed():
    recorded = graph_of([part(KEY, "key"), part(PARAMETER, "address", value=Of("key", "arn"))])
    assert recorded.named("address")[0].properties["value"] == "arn:example:key"
    nodes = [
        replace(node, outputs={**node.outputs, "arn": "arn:real"})
        if node.name == "key"
        else replace(node, properties={"value": "arn:real"})
        if node.name == "address"
        else node
        for node in recorded
    ]
    deployed = Graph(recorded.project, recorded.stack, tuple(nodes))
    assert forecast(deployed, recorded).steps != ()
    assert forecast(deployed, settled(recorded, deployed)).steps == ()


def test_what_the_service_adds_to_a_given_object_is_taken_over_and_what_was_given_is_compared():
    given = {"subnetIds": ["subnet-1"]}
    recorded = graph_of([part(CLUSTER, "c", vpcConfig=given), part(PARAMETER, "address", value=Of("c", "vpcConfig"))])

    def graph(group: str, subnet: str) -> Graph:
        computed = {"vpcConfig": {"subnetIds": [subnet], "clusterSecurityGroupId": group}}
        changed = {
            "c": {"outputs": computed, "properties": {"vpcConfig": {"subnetIds": [subnet]}}},
            "address": {"properties": {"value": group}},
        }
        nodes = tuple(replace(node, **changed.get(node.name, {})) for node in recorded)
        return Graph(recorded.project, recorded.stack, nodes)

    deployed = graph("sg-real", "subnet-1")
    assert forecast(deployed, settled(graph("sg-made-up", "subnet-1"), deployed)).steps == ()
    (step,) = forecast(deployed, settled(graph("sg-made-up", "subnet-2"), deployed)).steps
    assert [change.path for change in step.changes] == ["vpcConfig.subnetIds[0]"]


def test_of_two_computed_values_that_were_made_up_alike_the_one_that_is_there_is_meant():
    recorded = graph_of([part(KEY, "key"), part(PARAMETER, "address", value=Of("key", "arn"))])
    alike, real = {"id": "made-up", "rootId": "made-up"}, {"id": "real", "rootId": "root"}

    def graph(outputs: Mapping[str, Any], value: str) -> Graph:
        given = {"key": {"outputs": outputs}, "address": {"properties": {"value": value}}}
        nodes = tuple(replace(node, **given.get(node.name, {})) for node in recorded)
        return Graph(recorded.project, recorded.stack, nodes)

    for value in real.values():
        deployed = graph(real, value)
        assert forecast(deployed, settled(graph(alike, "made-up"), deployed)).steps == ()


def test_one_line_says_what_is_destroyed_and_what_may_be():
    before = graph_of([part(BUCKET, "a"), part(BUCKET, "b"), part(KEY, "key"), part(LOGS, "logs", logGroupClass="A")])
    after = graph_of([part(LOGS, "logs", logGroupClass="B")])
    said = forecast(before, after)
    assert summary(said.steps) == "destroys: 2 buckets (data), 1 key; may destroy: 1 log group (history)"
    assert Plan((Planned("fraud", "dev", "main", forecast(after, after)),)).summary == "destroys nothing"


def test_the_worst_comes_first():
    before = graph_of([part(BUCKET, "a"), part(PARAMETER, "b", value="1"), part(VERSIONING, "c")])
    after = graph_of([part(PARAMETER, "b", value="2"), part(KEY, "d")])
    assert [step.name for step in forecast(before, after).steps] == ["a", "c", "b", "d"]


def test_every_effect_is_told_in_json():
    step = changed(BUCKET, {"bucket": "a"}, {"bucket": "b"})
    assert step is not None
    assert step.as_json()["changes"] == [
        {"path": "bucket", "before": "a", "after": "b", "effect": str(Effect.REPLACES)}
    ]
