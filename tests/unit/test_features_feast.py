"""Views for Feast as a graph: its tables, its configuration, the definitions that it reads, and its cache."""

from __future__ import annotations

import ast
import json

import pytest
from ruamel.yaml import YAML
from tests.unit.feature_views import CONTEXT, FEAST, LAKE, OWNER, TABLE, VIEW, named, only, recorded, spec

from modelyard import DataLake, Keys, KeysSpec, KnownNetwork, Role
from modelyard.assess.graph import Graph, record, reveal
from modelyard.build.features import FeatureStore
from modelyard.core.access import trust_service
from modelyard.core.contract import NetworkContract
from modelyard.core.errors import InputError
from modelyard.core.features import ViewDefinition


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
