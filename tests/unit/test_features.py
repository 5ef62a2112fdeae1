"""Feature views: what a file may say of them, what comes of it in both flavours, and who may do what."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.unit.feature_views import CONTEXT, FEAST, IMAGE, LAKE, TABLE, VIEW, loaded, named, only, recorded, spec

from modelyard import Context, DataLake, Keys, KeysSpec, Role
from modelyard.assess.graph import Graph, record, reveal
from modelyard.build.features import FeaturesSpec, FeatureStore
from modelyard.build.features.jobs import windows
from modelyard.core.access import trust_service
from modelyard.core.document import load, parse
from modelyard.core.errors import InputError, SpecError
from modelyard.core.features import record_id

GROUP = "aws:sagemaker/featureGroup:FeatureGroup"
MACHINE = "aws:sfn/stateMachine:StateMachine"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


def test_a_view_is_a_feature_group_whose_stores_are_both_under_the_lakes_key():
    graph = recorded(spec())
    group = only(graph, GROUP).properties
    key = named(graph, "keys-default").outputs["arn"]
    assert group["onlineStoreConfig"]["securityConfig"]["kmsKeyId"] == key
    assert group["offlineStoreConfig"]["s3StorageConfig"]["kmsKeyId"] == key
    assert group["onlineStoreConfig"]["ttlDuration"] == {"unit": "Hours", "value": 48}
    assert group["offlineStoreConfig"]["tableFormat"] == "Iceberg"
    assert group["offlineStoreConfig"]["dataCatalogConfig"]["database"] == "ml_dev_fraud_lake"
    assert group["featureGroupName"].startswith("ml-dev-fraud-features-customer-v1-")
    assert group["throughputConfig"] == {"throughputMode": "OnDemand"}
    kinds = {each["featureName"]: each["featureType"] for each in group["featureDefinitions"]}
    assert kinds == {"customer_id": "String", "event_time": "String", "amount": "Fractional", "vip": "Integral"}


def test_several_join_keys_get_one_feature_that_stands_for_all():
    keys = [{"name": "customer_id"}, {"name": "merchant_id", "type": "integer"}]
    group = only(recorded(spec(customer={**VIEW, "entity": keys})), GROUP).properties
    assert group["recordIdentifierFeatureName"] == "record_id"
    assert [each["featureName"] for each in group["featureDefinitions"][:3]] == [
        "record_id",
        "customer_id",
        "merchant_id",
    ]
    rows = [{"customer_id": "a|b", "merchant_id": "c"}, {"customer_id": "a", "merchant_id": "b|c"}]
    assert len({record_id(row, ("customer_id", "merchant_id")) for row in rows}) == 2, "no two entities share one"


def test_throughput_and_the_format_of_history_are_chosen():
    flavour = {
        "kind": "sagemaker",
        "table_format": "glue",
        "throughput": {"kind": "provisioned", "read_units": 50, "write_units": 5},
    }
    group = only(recorded(spec(flavour)), GROUP).properties
    assert group["offlineStoreConfig"]["tableFormat"] == "Glue"
    assert group["throughputConfig"]["provisionedReadCapacityUnits"] == 50


def test_a_view_may_be_kept_in_one_store_alone():
    online = only(recorded(spec(customer={**VIEW, "offline": False})), GROUP).properties
    assert "offlineStoreConfig" not in online
    offline = only(recorded(spec(customer={**VIEW, "online": False})), GROUP).properties
    assert "onlineStoreConfig" not in offline and "throughputConfig" not in offline


def stores(*graphs: Graph) -> list[tuple[str, str]]:
    return [(node.name, node.properties["featureGroupName"]) for graph in graphs for node in graph.of_type(GROUP)]


RETYPED = [{**VIEW["features"][0], "type": "float"}, {"name": "count_7d", "type": "integer"}]


def test_a_changed_schema_is_a_store_beside_the_old_one_which_stays_what_it_was():
    (before,) = stores(recorded(spec(customer=VIEW)))
    older = {key: value for key, value in VIEW.items() if key != "owner"}
    both = stores(recorded(spec(customer={**VIEW, "features": RETYPED, "version": 2, "previous": {"1": older}})))
    assert before in both, "neither its URN nor its name changes, so no step of the plan touches it"
    assert len(both) == len({name for name, _ in both}) == len({physical for _, physical in both}) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"features": RETYPED},
        {"entity": [{"name": "merchant_id", "type": "integer"}]},
        {"event_time": "happened_at", "columns": {}},
        {"offline": False},
    ],
)
def test_what_a_store_cannot_change_never_replaces_it_in_place(change: dict[str, Any]):
    before, after = stores(recorded(spec(customer=VIEW)), recorded(spec(customer={**VIEW, **change})))
    assert before[0] != after[0] and before[1] != after[1]


@pytest.mark.parametrize(
    "change",
    [
        {"description": "Other words"},
        {"owner": "eve@acme.example"},
        {"features": list(reversed(VIEW["features"]))},
        {"features": [{**VIEW["features"][0], "description": "Other"}, VIEW["features"][1]]},
        {"ttl_hours": 5},
        {"schedule": "rate(2 hours)"},
    ],
)
def test_what_is_no_part_of_the_schema_leaves_the_store_where_it_is(change: dict[str, Any]):
    assert len(set(stores(recorded(spec(customer=VIEW)), recorded(spec(customer={**VIEW, **change}))))) == 1


def test_a_lock_holds_the_schema_to_its_version():
    fingerprint = spec(customer=VIEW).views["customer"].fingerprint
    recorded(spec(customer={**VIEW, "lock": fingerprint}))
    with pytest.raises(SpecError, match=r"views\.customer\.lock.*the schema has changed.*Raise version"):
        recorded(loaded({"customer": {**VIEW, "features": RETYPED, "lock": fingerprint}}))


def test_production_stores_of_data_that_nobody_gets_back_are_protected():
    production = Context(
        organization="acme",
        platform="ml",
        environment="prod",
        region="eu-west-1",
        account="123456789012",
        team="fraud",
        production=True,
    )
    assert only(recorded(spec(), production), GROUP).options["protect"] is True
    table = only(recorded(spec(FEAST), production), TABLE)
    assert table.options["protect"] is True and table.properties["deletionProtectionEnabled"] is True
    assert table.properties["pointInTimeRecovery"] == {"enabled": True}


def test_a_job_runs_by_digest_on_its_schedule_under_a_role_of_the_view():
    graph = recorded(spec())
    definition = json.loads(reveal(only(graph, MACHINE).properties["definition"]))
    job = definition["States"]["Start"]["Parameters"]
    assert job["AppSpecification"]["ImageUri"] == IMAGE
    assert job["RoleArn"] == named(graph, "features-customer-v1-job-role").outputs["arn"]
    assert job["Environment"] == {"MODELYARD_RESOURCES": "/modelyard/ml/dev/fraud/features-customer-v1-job"}
    assert job["NetworkConfig"]["EnableInterContainerTrafficEncryption"] is True
    assert job["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == named(graph, "keys-default").outputs["arn"]
    schedules = {
        node.properties["scheduleExpression"]: json.loads(node.properties["target"]["input"])["job"]
        for node in graph.of_type("aws:scheduler/schedule:Schedule")
    }
    assert schedules == {"rate(1 hour)": "materialize", "cron(30 5 * * ? *)": "compare"}


def test_the_conductor_hands_over_the_views_roles_and_starts_their_jobs_alone():
    graph = recorded(spec())
    policy = json.loads(reveal(named(graph, "features-conductor-work").properties["policy"]))
    passed = [s for s in policy["Statement"] if s["Action"] == "iam:PassRole"]
    assert [s["Resource"] for s in passed] == [named(graph, "features-customer-v1-job-role").outputs["arn"]]
    assert passed[0]["Condition"]["StringEquals"] == {"iam:PassedToService": "sagemaker.amazonaws.com"}
    assert not [s for s in policy["Statement"] if s["Resource"] == "*"]


def test_the_alarm_on_age_rings_for_old_records_and_for_silence():
    graph = recorded(spec())
    alarm = named(graph, "features-customer-v1-stale").properties
    assert (alarm["namespace"], alarm["metricName"]) == ("modelyard/features", "FreshnessSeconds")
    assert alarm["threshold"] == 120 * 60
    assert alarm["period"] * alarm["evaluationPeriods"] == 120 * 60
    assert alarm["treatMissingData"] == "breaching"
    definition = reveal(named(graph, "features-customer-v1-definition").properties["content"])
    assert json.loads(definition)["dimensions"] == alarm["dimensions"], "what measures and what looks are one"


@pytest.mark.parametrize("minutes", [5, 7, 60, 1440, 1441, 10_080])
def test_a_window_is_as_long_as_the_limit_and_as_cloudwatch_takes_it(minutes: int):
    period, evaluations = windows(minutes * 60)
    assert 0 <= period * evaluations - minutes * 60 < period
    assert period * evaluations <= (604_800 if period >= 3600 else 86_400)


def test_a_view_without_schedule_has_no_job():
    graph = recorded(spec(customer=VIEW))
    assert not list(graph.of_type(MACHINE)) and not list(graph.of_type(ALARM))


@pytest.mark.parametrize("flavour", ["sagemaker", "feast"])
def test_each_intent_brings_its_actions_its_key_and_the_address(flavour: str):
    graph = recorded(spec({"kind": flavour}), grants=True)
    actions = {intent: allowed(graph, intent) for intent in ("read-online", "read-offline", "write")}
    read, write = {
        "sagemaker": ("sagemaker:GetRecord", "sagemaker:PutRecord"),
        "feast": ("dynamodb:GetItem", "dynamodb:BatchWriteItem"),
    }[flavour]
    assert read in actions["read-online"] and write not in actions["read-online"] | actions["read-offline"]
    assert write in actions["write"] and read not in actions["write"]
    assert {"glue:GetTable", "athena:StartQueryExecution", "s3:GetObject"} <= actions["read-offline"]
    assert all("kms:Decrypt" in each for each in actions.values())
    for intent in actions:
        address = json.loads(reveal(named(graph, f"{intent}-features-address").properties["insecureValue"]))
        (found,) = address["addresses"]
        assert (found["kind"], found["name"], found["flavour"]) == ("feature-view", "customer-v1", flavour)


def allowed(graph: Graph, role: str) -> set[str]:
    found: set[str] = set()
    for node in graph.of_type("aws:iam/rolePolicy:RolePolicy"):
        if node.name.startswith(f"{role}-"):
            for statement in json.loads(reveal(node.properties["policy"]))["Statement"]:
                given = statement["Action"]
                found |= {given} if isinstance(given, str) else set(given)
    return found


def granting(intent: str, *views: str, **changes: Any) -> None:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT)
        lake = DataLake("lake", LAKE, context=CONTEXT, keys=keys)
        store = FeatureStore("features", spec(customer={**VIEW, **changes}), context=CONTEXT, lake=lake)
        trusted = [trust_service("sagemaker.amazonaws.com", context=CONTEXT)]
        role = Role("reader", context=CONTEXT, trusted=trusted, description="reads")
        getattr(store, f"grant_{intent}")(role, views=list(views))

    record(program, project="p", stack="s", region="eu-west-1")


def test_a_grant_on_an_unknown_view_or_on_a_store_that_it_lacks_says_so():
    with pytest.raises(InputError, match=r"'nobody'; is no view of this store. It has customer"):
        granting("write", "nobody")
    with pytest.raises(InputError, match=r"'customer'; is not kept online. Say online: true"):
        granting("read_online", "customer", online=False)


PAGE = Path(__file__).resolve().parents[2] / "docs" / "features.md"


def test_the_pages_example_is_a_feature_store():
    text = PAGE.read_text()
    written, code = (re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("yaml", "python"))
    assert written is not None and code is not None
    shown = load(parse(written[1].encode(), "features.md"), FeaturesSpec)

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT)
        lake = DataLake("lake", LAKE, context=CONTEXT, keys=keys)
        trusted = [trust_service("sagemaker.amazonaws.com", context=CONTEXT)]
        roles = {n: Role(n, context=CONTEXT, trusted=trusted, description=n) for n in ("endpoint", "trainer")}
        exec(code[1], {"FeatureStore": FeatureStore, "spec": shown, "context": CONTEXT, "lake": lake, **roles})

    graph = record(program, project="p", stack="s", region="eu-west-1")
    assert only(graph, GROUP) and "sagemaker:GetRecord" in allowed(graph, "endpoint")
