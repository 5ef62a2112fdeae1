import json
from dataclasses import replace

import pytest

from modelyard.assess.graph import (
    UNKNOWN,
    Graph,
    Node,
    Secret,
    agree,
    differences,
    from_preview,
    from_state,
    reveal,
    undecided,
)
from modelyard.core.errors import InputError, Source

BASE = "urn:pulumi:dev::shop::"
STACK = Node(f"{BASE}pulumi:pulumi:Stack::shop-dev", "pulumi:pulumi:Stack", "shop-dev", custom=False, outputs={"a": 1})
LAKE = Node(f"{BASE}modelyard:data:DataLake::lake", "modelyard:data:DataLake", "lake", custom=False, parent=STACK.urn)
ZONE = Node(
    f"{BASE}modelyard:data:DataLake$modelyard:data:Zone::raw",
    "modelyard:data:Zone",
    "raw",
    custom=False,
    parent=LAKE.urn,
)
BUCKET = Node(
    f"{ZONE.urn.rpartition('::')[0]}$aws:s3/bucket:Bucket::raw-bucket",
    "aws:s3/bucket:Bucket",
    "raw-bucket",
    parent=ZONE.urn,
    properties={"bucket": "raw", "tags": {"team": "fraud"}},
    outputs={"id": "raw", "arn": "arn:aws:s3:::raw"},
    source=Source("stacks/teams/fraud.yaml", "data", 3, 1),
    transformed=("tags",),
)
PARAMETER = Node(
    f"{BASE}aws:ssm/parameter:Parameter::where",
    "aws:ssm/parameter:Parameter",
    "where",
    parent=STACK.urn,
    properties={"value": Secret("s3cr3t"), "overwrite": UNKNOWN, "odd": {"$secret": True}},
    dependencies=(BUCKET.urn,),
    property_dependencies={"value": (BUCKET.urn,)},
    options={"protect": True},
)
GRAPH = Graph("shop", "dev", (PARAMETER, BUCKET, ZONE, LAKE, STACK))
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
SENTINEL = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def test_queries_find_nodes_by_type_parent_component_and_dependency():
    assert GRAPH.by_urn[BUCKET.urn] is BUCKET
    assert GRAPH.of_type("aws:s3/bucket:Bucket") == (BUCKET,)
    assert GRAPH.children(STACK) == (PARAMETER, LAKE)
    assert GRAPH.component_of(BUCKET) is ZONE
    assert GRAPH.top_component_of(BUCKET) is LAKE
    assert GRAPH.component_of(PARAMETER) is None
    assert GRAPH.dependents(BUCKET) == (PARAMETER,)
    assert GRAPH.outputs == {"a": 1}


def test_a_cloud_control_resource_answers_to_its_cloudformation_type_with_parsed_properties():
    kind = "AWS::SageMaker::ModelQualityJobDefinition"
    node = Node(
        f"{BASE}aws:cloudcontrol/resource:Resource::quality",
        "aws:cloudcontrol/resource:Resource",
        "quality",
        properties={"typeName": kind, "desiredState": '{"JobDefinitionName": "quality"}'},
    )
    graph = Graph("shop", "dev", (node,))
    assert graph.of_type(kind) == (node,) == graph.of_type("aws:cloudcontrol/resource:Resource")
    assert node.desired == {"JobDefinitionName": "quality"}
    for state in (UNKNOWN, Secret("{}"), "{"):
        assert replace(node, properties={"typeName": kind, "desiredState": state}).desired is UNKNOWN
    document = {"urn": node.urn, "type": node.type, "custom": True, "inputs": dict(node.properties)}
    assert from_state({"deployment": {"resources": [document]}}).of_type(kind)[0].desired == node.desired


def test_json_is_the_same_whatever_the_order_and_comes_back():
    text = GRAPH.to_json()
    assert Graph("shop", "dev", tuple(reversed(GRAPH.nodes))).to_json() == text
    back = Graph.from_json(text)
    assert back.to_json() == text
    assert differences(GRAPH, back) == []
    found = back.by_urn[PARAMETER.urn]
    assert found.properties == {"value": Secret(), "overwrite": UNKNOWN, "odd": {"$secret": True}}
    assert back.by_urn[BUCKET.urn] == BUCKET


def test_a_secrets_value_is_nowhere_in_text():
    other = Graph("shop", "dev", (replace(PARAMETER, properties={"value": "plain"}),))
    shown = GRAPH.to_json() + repr(GRAPH) + str(differences(GRAPH, other)) + GRAPH.to_mermaid()
    assert "s3cr3t" not in shown
    assert reveal(PARAMETER.properties["value"]) == "s3cr3t"


def test_undecided_finds_unknowns_inside_objects_lists_and_secrets():
    assert undecided({"a": [1, {"b": Secret(UNKNOWN)}]})
    assert not undecided({"a": [1, Secret("b")]})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "nodes": [3]}'])
def test_text_that_is_no_graph_is_an_input_error_that_names_the_file(text: str):
    with pytest.raises(InputError, match="graph.json"):
        Graph.from_json(text, file="graph.json")


def test_differences_name_urn_path_and_both_sides():
    changed = replace(BUCKET, properties={**BUCKET.properties, "tags": {"team": "churn"}})
    others = tuple(node for node in GRAPH if node not in (BUCKET, PARAMETER))
    found = differences(GRAPH, Graph("shop", "dev", (*others, changed)))
    assert [str(difference) for difference in found] == [
        f"{PARAMETER.urn}: 'aws:ssm/parameter:Parameter' ≠ '(absent)'",
        f"{BUCKET.urn}: properties.tags.team: 'fraud' ≠ 'churn'",
    ]


def test_the_diagram_has_a_box_for_each_outermost_component_and_an_arrow_to_what_is_used():
    assert GRAPH.to_mermaid().splitlines() == [
        "flowchart LR",
        '  n0["lake<br/>DataLake · 1 resource"]',
        '  n1["where<br/>ssm Parameter"]',
        "  n1 --> n0",
    ]


def test_the_diagram_of_a_component_shows_its_children_and_who_uses_them():
    assert GRAPH.to_mermaid("raw").splitlines() == [
        "flowchart LR",
        '  n0["raw-bucket<br/>s3 Bucket"]',
        '  n1["where<br/>ssm Parameter"]:::outside',
        "  n1 --> n0",
        "  classDef outside stroke-dasharray: 4 4",
    ]
    with pytest.raises(InputError, match="lake, raw"):
        GRAPH.to_mermaid("nowhere")


def test_a_diagram_of_three_hundred_loose_resources_stays_one_box_per_type():
    nodes = [
        Node(f"{BASE}{kind}::r{index}", kind, f"r{index}", parent=STACK.urn)
        for index in range(300)
        for kind in ("aws:s3/bucket:Bucket", "aws:iam/role:Role")
    ]
    lines = Graph("shop", "dev", (STACK, *nodes)).to_mermaid().splitlines()
    assert lines == ["flowchart LR", '  n0["300 × iam Role"]', '  n1["300 × s3 Bucket"]']


def test_a_state_is_read_with_secrets_unknowns_and_without_what_waits_for_deletion():
    provider = f"{BASE}pulumi:providers:aws::default_7_51_1"
    state = {
        "version": 3,
        "deployment": {
            "resources": [
                {
                    "urn": STACK.urn,
                    "custom": False,
                    "type": STACK.type,
                    "outputs": {"token": {**SECRET, "ciphertext": "x"}},
                },
                {"urn": provider, "custom": True, "id": "1", "type": "pulumi:providers:aws"},
                {
                    "urn": PARAMETER.urn,
                    "custom": True,
                    "id": "where",
                    "parent": STACK.urn,
                    "inputs": {"value": {**SECRET, "plaintext": '"s3cr3t"'}, "tier": SENTINEL},
                    "outputs": {"arn": "arn"},
                    "provider": f"{provider}::1",
                    "propertyDependencies": {"value": [BUCKET.urn], "tier": None},
                    "dependencies": [BUCKET.urn],
                    "customTimeouts": {"create": 300.0},
                    "protect": True,
                },
                {"urn": BUCKET.urn, "custom": True, "id": "old", "delete": True},
            ]
        },
    }
    graph = from_state(json.dumps(state))
    assert Graph.from_state(state) == graph
    assert (graph.project, graph.stack) == ("shop", "dev")
    assert [node.name for node in graph] == ["where", "shop-dev"]
    node = graph.by_urn[PARAMETER.urn]
    assert node.properties == {"value": Secret("s3cr3t"), "tier": UNKNOWN}
    assert node.outputs == {"arn": "arn", "id": "where"}
    assert node.provider == ""
    assert node.property_dependencies == {"value": (BUCKET.urn,)}
    assert node.options == {"protect": True, "customTimeouts": {"create": "300s"}}
    assert graph.outputs == {"token": Secret()}


def test_a_preview_is_read_as_the_stack_that_will_be():
    def step(op: str, node: Node, **state: object) -> dict[str, object]:
        key = "oldState" if op == "delete" else "newState"
        return {"op": op, "urn": node.urn, key: {"urn": node.urn, "custom": node.custom, **state}}

    preview = {
        "steps": [
            step("same", STACK),
            step("create", LAKE, parent=STACK.urn),
            step(
                "create",
                BUCKET,
                inputs={"bucket": SENTINEL, "tags": {"key": "[secret]"}},
                sourcePosition="project:///../.venv/lib/site-packages/modelyard/component.py#3",
                stackTrace=[{"sourcePosition": "project:///__main__.py#12"}],
            ),
            step("delete", PARAMETER),
        ]
    }
    graph = from_preview(preview)
    assert Graph.from_preview(json.dumps(preview)) == graph
    assert {node.name for node in graph} == {"shop-dev", "lake", "raw-bucket"}
    assert graph.by_urn[BUCKET.urn].properties == {"bucket": UNKNOWN, "tags": {"key": Secret()}}
    assert graph.by_urn[BUCKET.urn].source == Source("__main__.py", "", 12)
    assert graph.by_urn[BUCKET.urn].outputs == {"id": UNKNOWN}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"steps": [1]}', '{"deployment": {"resources": [{}]}}'])
def test_text_that_is_neither_preview_nor_state_is_an_input_error(text: str):
    for read in (from_preview, from_state):
        with pytest.raises(InputError, match="there.json"):
            read(text, file="there.json")


def test_graphs_agree_when_only_what_a_deployment_decides_differs():
    deployed = replace(
        PARAMETER,
        properties={"value": "arn:aws:s3:::real", "overwrite": True, "odd": {"$secret": True}, "tier": "Standard"},
        outputs={"id": "where"},
        options={},
    )
    real = Graph("shop", "dev", (STACK, LAKE, ZONE, BUCKET, deployed))
    assert agree(GRAPH, real) == []


@pytest.mark.parametrize(
    "change",
    [
        {"properties": {**BUCKET.properties, "bucket": "other"}},
        {"properties": {"bucket": "raw"}},
        {"parent": LAKE.urn},
        {"dependencies": (LAKE.urn,)},
        {"custom": False},
    ],
)
def test_graphs_disagree_on_inputs_parents_and_dependencies(change: dict[str, object]):
    real = Graph("shop", "dev", (STACK, LAKE, ZONE, PARAMETER, replace(BUCKET, **change)))
    assert [line.partition(": ")[0] for line in agree(GRAPH, real)] == [BUCKET.urn]


def test_graphs_disagree_when_one_has_a_node_more():
    assert len(agree(GRAPH, Graph("shop", "dev", GRAPH.nodes[1:]))) >= 1
