"""Feature views: what a file may say of them, what comes of it in both flavours, and who may do what."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from modelyard import Context, DataLake, Keys, KeysSpec, KnownNetwork, LakeSpec, Role
from modelyard.assess.graph import Graph, Node, record, reveal
from modelyard.build.features import FeaturesSpec, FeatureStore
from modelyard.build.features.jobs import windows
from modelyard.core.access import trust_service
from modelyard.core.contract import NetworkContract
from modelyard.core.document import load, parse
from modelyard.core.errors import InputError, SpecError
from modelyard.core.features import ViewDefinition, record_id

CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012", team="fraud"
)
OWNER = "ada@acme.example"
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml-dev-fraud-jobs@sha256:{'a' * 64}"
COLUMNS = {
    "customer_id": "string",
    "merchant_id": "bigint",
    "happened_at": "timestamp",
    "amount": "double",
    "count_7d": "int",
    "vip": "boolean",
}
LAKE = LakeSpec.model_validate(
    {
        "datasets": {
            "transactions": {
                "classification": "internal",
                "owner": OWNER,
                "zone": "curated",
                "columns": [{"name": name, "type": kind} for name, kind in COLUMNS.items()],
            }
        }
    }
)
VIEW: dict[str, Any] = {
    "owner": OWNER,
    "entity": [{"name": "customer_id"}],
    "event_time": "event_time",
    "features": [
        {"name": "amount", "type": "float", "description": "What was paid"},
        {"name": "vip", "type": "boolean", "owner": "bob@acme.example"},
    ],
    "dataset": "transactions",
    "columns": {"event_time": "happened_at"},
}
FILLED = {
    **VIEW,
    "schedule": "rate(1 hour)",
    "freshness_minutes": 120,
    "consistency": {"sample": 100},
    "ttl_hours": 48,
}
FEAST = {"kind": "feast"}


def spec(flavour: dict[str, Any] | None = None, job: bool = True, **views: Any) -> FeaturesSpec:
    given: dict[str, Any] = {"views": views or {"customer": FILLED}}
    if flavour is not None:
        given["flavour"] = flavour
    if job:
        given["job"] = {"image": IMAGE}
    return FeaturesSpec.model_validate(given)


def recorded(features: FeaturesSpec, context: Context = CONTEXT, grants: bool = False, lake: LakeSpec = LAKE) -> Graph:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=context)
        made = DataLake("lake", lake, context=context, keys=keys)
        store = FeatureStore("features", features, context=context, lake=made)
        if grants:
            trusted = [trust_service("sagemaker.amazonaws.com", context=context)]
            for intent in ("read_online", "read_offline", "write"):
                role = Role(intent.replace("_", "-"), context=context, trusted=trusted, description=intent)
                getattr(store, f"grant_{intent}")(role)

    return record(program, project="p", stack="s", region=context.region)


def only(graph: Graph, kind: str) -> Node:
    (node,) = graph.of_type(kind)
    return node


def named(graph: Graph, name: str) -> Node:
    (node,) = [node for node in graph.nodes if node.name == name]
    return node


GROUP = "aws:sagemaker/featureGroup:FeatureGroup"
TABLE = "aws:dynamodb/table:Table"
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


# --- Feast


def test_a_feast_view_has_a_table_called_as_feast_calls_it():
    graph = recorded(spec(FEAST))
    table = only(graph, TABLE).properties
    text = reveal(named(graph, "features-feast-configuration").properties["content"])
    config = YAML(typ="safe").load(text)
    (view,) = feature_views(reveal(named(graph, "features-feast-definitions").properties["content"]))
    assert config["online_store"]["table_name_template"].format(table_name=view) == table["name"]
    assert table["name"].startswith("ml-dev-fraud-features."), "below the team's names"
    assert (table["hashKey"], table["billingMode"]) == ("entity_id", "PAY_PER_REQUEST")
    assert table["serverSideEncryption"]["kmsKeyArn"] == named(graph, "keys-default").outputs["arn"]


def feature_views(text: str) -> list[str]:
    """The names of the feature views that a file of definitions makes."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    views = [call for call in calls if getattr(call.func, "id", "") == "FeatureView"]
    return [ast.literal_eval(word.value) for call in views for word in call.keywords if word.arg == "name"]


def test_the_configuration_says_where_feast_finds_everything():
    graph = recorded(spec(FEAST))
    written = named(graph, "features-feast-configuration").properties
    config = YAML(typ="safe").load(reveal(written["content"]))
    bucket = written["bucket"]
    assert written["key"] == "features/features/feature_store.yaml"
    assert config["project"] == "ml_dev_fraud_features"
    assert config["registry"] == {
        "path": f"s3://{bucket}/features/features/registry.db",
        "cache_ttl_seconds": 60,
    }
    assert config["offline_store"] == {
        "type": "athena",
        "region": "eu-west-1",
        "data_source": "AwsDataCatalog",
        "database": "ml_dev_fraud_lake",
        "workgroup": "ml-dev-fraud-features",
        "s3_staging_location": f"s3://{bucket}/features/features/staging",
    }
    workgroup = named(graph, "features-workgroup").properties
    assert workgroup["configuration"]["enforceWorkgroupConfiguration"] is False, "Feast names places of its own"


def test_history_lies_in_a_table_of_the_lakes_features_zone():
    table = named(graph := recorded(spec(FEAST)), history(graph)).properties
    columns = {each["name"]: each["type"] for each in table["storageDescriptor"]["columns"]}
    assert columns == {"customer_id": "string", "event_time": "timestamp", "amount": "double", "vip": "boolean"}
    assert [each["name"] for each in table["partitionKeys"]] == ["day"]
    assert "lake-features" in table["storageDescriptor"]["location"]


def history(graph: Graph) -> str:
    (name,) = [node.name for node in graph.of_type("aws:glue/catalogTable:CatalogTable") if "history" in node.name]
    return name


def test_texts_of_a_file_are_no_code_in_the_definitions():
    said = """He said: ''' "x" + __import__('os').system('true') \\"""
    graph = recorded(spec(FEAST, customer={**VIEW, "description": said}))
    text = reveal(named(graph, "features-feast-definitions").properties["content"])
    calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)}
    assert calls == {"AthenaSource", "Entity", "FeatureService", "FeatureView", "Field", "timedelta"}


def test_the_definition_of_a_view_is_what_jobs_read():
    for flavour in ("sagemaker", "feast"):
        graph = recorded(spec({"kind": flavour}))
        written = reveal(named(graph, "features-customer-v1-definition").properties["content"])
        view = ViewDefinition.model_validate_json(written)
        assert (view.flavour, view.keys, view.names) == (flavour, ("customer_id",), ("amount", "vip"))
        assert view.source.columns["event_time"] == "happened_at"
        assert view.offline is not None and view.offline.database == "ml_dev_fraud_lake"
        assert view.features[0].owner == OWNER and view.features[1].owner == "bob@acme.example"


REDIS = {"kind": "feast", "online": {"kind": "redis", "security_groups": ["sg-12345678"]}}


def cached(network: bool = True) -> Graph:
    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=CONTEXT)
        lake = DataLake("lake", LAKE, context=CONTEXT, keys=keys)
        places = {
            "vpc_id": "vpc-1",
            "cidr": "10.0.0.0/16",
            "subnets": {"private": {"eu-west-1a": "subnet-1"}},
            "security_groups": {"workload": "sg-1"},
        }
        known = KnownNetwork(NetworkContract.model_validate(places)) if network else None
        store = FeatureStore("features", spec(REDIS), context=CONTEXT, lake=lake, network=known)
        trusted = [trust_service("sagemaker.amazonaws.com", context=CONTEXT)]
        for intent in ("read_online", "write"):
            role = Role(intent.replace("_", "-"), context=CONTEXT, trusted=trusted, description=intent)
            getattr(store, f"grant_{intent}")(role)

    return record(program, project="p", stack="s", region="eu-west-1")


def test_a_cache_is_private_encrypted_and_entered_by_iam():
    graph = cached()
    cache = only(graph, "aws:elasticache/serverlessCache:ServerlessCache").properties
    assert cache["kmsKeyId"] == named(graph, "keys-default").outputs["arn"]
    assert (cache["subnetIds"], cache["securityGroupIds"]) == (["subnet-1"], ["sg-12345678"])
    users = {node.properties["userId"]: node.properties for node in graph.of_type("aws:elasticache/user:User")}
    assert set(users) == {"ml-dev-fraud-features-reader", "ml-dev-fraud-features-writer"}
    assert all(user["authenticationMode"] == {"type": "iam"} for user in users.values())
    config = YAML(typ="safe").load(reveal(named(graph, "features-feast-configuration").properties["content"]))
    assert config["online_store"]["connection_string"] == "${MODELYARD_FEAST_REDIS}", "no password is written down"


def test_readers_enter_the_cache_as_the_reader_and_writers_as_the_writer():
    graph = cached()
    for role, user in (("read-online", "reader"), ("write", "writer")):
        policy = json.loads(reveal(named(graph, f"{role}-features-access").properties["policy"]))
        (connect,) = [each for each in policy["Statement"] if each["Action"] == "elasticache:Connect"]
        assert [arn.rpartition(":")[2] for arn in connect["Resource"]] == [
            "ml-dev-fraud-features",
            f"ml-dev-fraud-features-{user}",
        ]
        address = json.loads(reveal(named(graph, f"{role}-features-address").properties["insecureValue"]))
        assert address["addresses"][0]["endpoint"].endswith(":6379")


def test_a_cache_without_a_network_is_refused():
    with pytest.raises(InputError, match="needs a network, since a cache is never public"):
        cached(network=False)


# --- jobs


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


# --- grants


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


# --- bad input


def loaded(views: Mapping[str, Any], **more: Any) -> FeaturesSpec:
    document = {"views": views, "job": {"image": IMAGE}, **more}
    return load(parse(json.dumps(document).encode(), "features.yaml"), FeaturesSpec)


def refused(views: Mapping[str, Any], **more: Any) -> str:
    with pytest.raises(SpecError) as caught:
        recorded(loaded(views, **more))
    return str(caught.value)


def without(*fields: str) -> dict[str, Any]:
    return {key: value for key, value in VIEW.items() if key not in fields}


def test_an_unknown_type_a_missing_time_and_a_view_without_source_are_said_at_once():
    said = refused(
        {
            "one": {**VIEW, "features": [{"name": "amount", "type": "decimal"}]},
            "two": without("event_time"),
            "three": without("dataset"),
            "four": {**VIEW, "online": False, "ttl_hours": 24},
            "five": {**VIEW, "features": [VIEW["features"][0], VIEW["features"][0]]},
        }
    )
    assert "views.one.features[0].type: got 'decimal'; is none of the choices. Use 'string'" in said
    assert "views.two.event_time: is required" in said
    assert "views.three.dataset: is required" in said
    assert "views.four.ttl_hours: got 24; lets records go from an online store that the view hasn't" in said
    assert "views.five.features[1].name: got 'amount'; stands already at features[0].name" in said


def test_datasets_columns_and_types_that_the_lake_hasnt_are_said_at_once():
    said = refused(
        {
            "one": {**VIEW, "dataset": "orders"},
            "two": {**VIEW, "features": [{"name": "discount", "type": "float"}]},
            "three": {**VIEW, "features": [{"name": "amount", "type": "integer"}]},
            "four": without("columns"),
        }
    )
    assert "views.one.dataset: got 'orders'; is no dataset of the lake; it has transactions" in said
    assert "views.two.features[0]: got 'discount'; is no column of transactions" in said
    assert "views.three.features[0]: got 'amount'; is double in transactions, and integer here" in said
    assert "views.four.event_time: got 'event_time'; is no column of transactions" in said
    assert "Say which it is: columns.event_time" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"online": False, "offline": False}, "keeps the view nowhere"),
        ({"freshness_minutes": 60}, "is measured by the job that fills the view, and there is none"),
        ({"consistency": {}, "offline": False}, "compares with an offline store that the view hasn't"),
        ({"features": [{"name": "write_time", "type": "string"}]}, "is a column that the stores add themselves"),
        ({"features": [{"name": "customer_id", "type": "string"}]}, r"stands already at entity\[0\].name"),
        ({"columns": {**VIEW["columns"], "nobody": "amount"}}, "is no key, time or feature"),
        ({"version": 2, "previous": {"2": without("owner")}}, "is not older than version 2"),
        ({"version": 2, "previous": {"one": without("owner")}}, "is not older than version 2"),
        ({"version": 2, "previous": {"1": without("owner")}}, "has the schema of version 2"),
    ],
)
def test_what_contradicts_itself_is_refused(change: dict[str, Any], message: str):
    with pytest.raises(SpecError, match=message):
        recorded(loaded({"customer": {**VIEW, **change}}))


def test_a_schedule_needs_a_job_and_feast_needs_history():
    with pytest.raises(SpecError, match=r"schedule: has no job that does it. Add job"):
        recorded(spec(job=False, customer={**VIEW, "schedule": "rate(1 hour)"}))
    with pytest.raises(SpecError, match="leaves Feast without the history"):
        recorded(spec(FEAST, customer={**VIEW, "offline": False}))
    typed = {**VIEW, "entity": [{"name": "merchant_id", "type": "integer"}]}
    other = {**VIEW, "entity": [{"name": "merchant_id", "type": "string"}]}
    with pytest.raises(SpecError, match=r"is integer at views.one.entity\[0\]"):
        recorded(spec(FEAST, one=typed, two=other))


def test_a_lake_without_the_features_zone_is_told():
    zones = {"zones": {"raw": {}, "curated": {}, "artifacts": {}}}
    lake = LakeSpec.model_validate({**LAKE.model_dump(exclude_defaults=True), **zones})
    with pytest.raises(SpecError, match=r'need the lake\'s zone features. Add "features: \{\}" to the zones'):
        recorded(spec(), lake=lake)


def test_an_image_without_a_digest_is_refused():
    with pytest.raises(ValidationError, match="image"):
        FeaturesSpec.model_validate({"job": {"image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs:latest"}})
