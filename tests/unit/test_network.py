import json

import pulumi
import pytest

from modelyard.assess.graph import Graph, record
from modelyard.core.context import Context
from modelyard.core.contract import NetworkContract
from modelyard.core.errors import InputError, SpecError
from modelyard.core.settle import at_program_end
from modelyard.foundation.keys import KnownKeys
from modelyard.foundation.network import (
    EndpointsSpec,
    ExistingNetworkSpec,
    KnownNetwork,
    Network,
    NoFlowLogsSpec,
    VpcSpec,
    network_from,
)

REGION = "eu-west-1"
CONTEXT = Context(organization="acme", platform="ml", environment="dev", region=REGION, account="123456789012")
PRODUCTION = Context(
    organization="acme", platform="ml", environment="prod", region=REGION, account="123456789012", production=True
)
KEY = "arn:aws:kms:eu-west-1:123456789012:key/logs"
ZONES = ("eu-west-1a", "eu-west-1b")
EXISTING = ExistingNetworkSpec(
    kind="existing",
    vpc_id="vpc-0a1b2c3d",
    subnets={"private": {"eu-west-1b": "subnet-0000000b", "eu-west-1a": "subnet-0000000a"}},
    security_groups={"training": "sg-0a1b2c3d"},
)


def recorded(spec: VpcSpec | ExistingNetworkSpec, *services: str, context: Context = CONTEXT) -> Graph:
    def program() -> None:
        network = network_from("network", spec, context=context, keys=KnownKeys({"default": KEY}))
        for service in services:
            network.use(service)
        pulumi.export("contract", network.contract())

    return record(program, project="p", stack="s", region=REGION)


def vpc(**fields) -> VpcSpec:
    return VpcSpec(kind="vpc", cidr="10.20.0.0/16", zones=fields.pop("zones", ZONES), **fields)


@pytest.fixture(scope="module")
def private() -> Graph:
    return recorded(vpc(), "glue", "ecr.api", "s3")


@pytest.fixture(scope="module")
def per_zone() -> Graph:
    return recorded(vpc(nat="per-zone"), "glue")


@pytest.fixture(scope="module")
def adopted() -> Graph:
    return recorded(EXISTING, "glue")


def kinds(graph: Graph, kind: str) -> dict[str, dict]:
    return {node.name: dict(node.properties) for node in graph.nodes if node.type.endswith(f":{kind}")}


def rules(graph: Graph) -> dict[str, dict]:
    return kinds(graph, "SecurityGroupEgressRule") | kinds(graph, "SecurityGroupIngressRule")


def endpoint_names(graph: Graph) -> set[str]:
    return set(kinds(graph, "VpcEndpoint"))


def test_a_network_is_private_unless_it_says_otherwise(private):
    assert {name.split("-")[1] for name in kinds(private, "Subnet")} == {"private", "isolated"}
    for kind in ("InternetGateway", "NatGateway", "Eip", "Route"):
        assert not kinds(private, kind), "nothing leads to or from the internet, and nothing costs"
    assert all("cidrIpv4" not in rule for rule in rules(private).values()), "no rule speaks of the world"


def test_subnets_are_known_by_their_zone_and_carry_their_name(private):
    subnet = kinds(private, "Subnet")["network-private-eu-west-1b"]
    assert subnet["availabilityZone"] == "eu-west-1b"
    assert subnet["tags"]["Name"].startswith("ml-dev-platform-network-private-eu-west-1b")


def test_the_default_group_lets_nothing_through(private):
    (group,) = kinds(private, "DefaultSecurityGroup").values()
    assert (group["ingress"], group["egress"]) == ([], [])


def test_services_that_the_stack_uses_get_endpoints_and_the_free_ones_are_always_there(private):
    made = {name: endpoint["vpcEndpointType"] for name, endpoint in kinds(private, "VpcEndpoint").items()}
    assert made == {
        "network-s3-endpoint": "Gateway",
        "network-dynamodb-endpoint": "Gateway",
        "network-glue-endpoint": "Interface",
        "network-ecr-api-endpoint": "Interface",
    }


def test_with_nat_nobody_pays_for_interface_endpoints_too(per_zone):
    assert endpoint_names(per_zone) == {"network-s3-endpoint", "network-dynamodb-endpoint"}


def test_endpoints_that_are_spelled_out_are_made_whatever_is_used():
    graph = recorded(vpc(nat="one", endpoints=EndpointsSpec(interface=("sts",))), "glue")
    assert endpoint_names(graph) - {"network-s3-endpoint", "network-dynamodb-endpoint"} == {"network-sts-endpoint"}
    graph = recorded(vpc(endpoints=EndpointsSpec(interface="none")), "glue")
    assert endpoint_names(graph) == {"network-s3-endpoint", "network-dynamodb-endpoint"}


def test_endpoints_have_one_zone_outside_production_and_all_in_it(private):
    assert len(kinds(private, "VpcEndpoint")["network-glue-endpoint"]["subnetIds"]) == 1
    production = recorded(vpc(), "glue", context=PRODUCTION)
    assert len(kinds(production, "VpcEndpoint")["network-glue-endpoint"]["subnetIds"]) == 2


def test_endpoints_let_only_callers_of_this_account_through(private):
    for name, endpoint in kinds(private, "VpcEndpoint").items():
        first, *rest = json.loads(endpoint["policy"])["Statement"]
        assert first["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}, name
        assert [statement["Sid"] for statement in rest] == (["LayersOfImages"] if "s3" in name else [])


def test_a_service_is_asked_for_in_the_program_itself():
    def program() -> None:
        network = Network("network", vpc(), context=CONTEXT, keys=KnownKeys({"default": KEY}))
        at_program_end(lambda: network.use("glue"))

    with pytest.raises(InputError, match=r"got 'glue'; is asked for after the endpoints were made\. Call use\(\) in"):
        record(program, project="p", stack="s", region=REGION)


def test_nat_per_zone_keeps_each_zones_traffic_in_its_zone(per_zone):
    routes, nats = kinds(per_zone, "Route"), per_zone.of_type("aws:ec2/natGateway:NatGateway")
    assert {nat.name for nat in nats} == {"network-nat-eu-west-1a", "network-nat-eu-west-1b"}
    ways = [routes[f"network-private-{zone}-internet"]["natGatewayId"] for zone in ZONES]
    assert len(set(ways)) == 2
    assert not any("isolated" in name for name in routes), "the isolated tier has no way out"


def test_one_nat_gateway_lives_in_the_first_zone():
    graph = recorded(vpc(nat="one", zones=("eu-west-1b", "eu-west-1a")))
    assert set(kinds(graph, "NatGateway")) == {"network-nat-eu-west-1b"}
    assert set(kinds(graph, "Route")) == {"network-private-internet", "network-public-internet"}


def test_every_route_table_knows_the_free_way_to_s3(per_zone):
    tables = kinds(per_zone, "RouteTable")
    assert len(kinds(per_zone, "VpcEndpoint")["network-s3-endpoint"]["routeTableIds"]) == len(tables) == 4


def test_workloads_send_https_to_endpoints_and_to_the_free_services_only(private):
    own = {name: rule for name, rule in rules(private).items() if name.startswith("network-workload-")}
    assert set(own) == {"network-workload-to-endpoints", "network-workload-to-s3", "network-workload-to-dynamodb"}
    assert {(rule["ipProtocol"], rule["fromPort"], rule["toPort"]) for rule in own.values()} == {("tcp", 443, 443)}


def test_training_may_do_everything_among_itself(private):
    group = next(node for node in private.nodes if node.name == "network-training-group")
    for way in ("from", "to"):
        rule = rules(private)[f"network-training-{way}-itself"]
        assert rule["ipProtocol"] == "-1", "EFA and NCCL use more than TCP ports"
        assert rule["referencedSecurityGroupId"] == rule["securityGroupId"]
    assert group.properties["name"] == "ml-dev-platform-network-training"


def test_only_nat_opens_https_to_the_world(per_zone):
    world = {name for name, rule in rules(per_zone).items() if rule.get("cidrIpv4") == "0.0.0.0/0"}
    assert world == {"network-workload-to-internet", "network-training-to-internet"}


def test_flow_logs_are_encrypted_kept_a_month_and_delivered_by_a_role_for_that(private):
    (group,) = kinds(private, "LogGroup").values()
    assert (group["retentionInDays"], group["kmsKeyId"]) == (30, KEY)
    (policy,) = kinds(private, "RolePolicy").values()
    writes = json.loads(policy["policy"])["Statement"][0]
    assert writes["Action"] == ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    assert all(group["name"] in resource for resource in writes["Resource"])
    (flow_log,) = kinds(private, "FlowLog").values()
    assert flow_log["trafficType"] == "ALL"


def test_flow_logs_can_be_left_out_by_saying_so():
    graph = recorded(vpc(flow_logs=NoFlowLogsSpec(kind="off")))
    assert not kinds(graph, "FlowLog") and not kinds(graph, "LogGroup") and not kinds(graph, "Role")


def test_an_adopted_vpc_gets_the_groups_that_it_lacks_and_nothing_else(adopted):
    made = {node.type.rsplit(":", 1)[-1] for node in adopted.nodes if node.custom}
    assert made <= {"SecurityGroup", "SecurityGroupEgressRule", "SecurityGroupIngressRule", "Stack"}
    assert set(kinds(adopted, "SecurityGroup")) == {"network-workload-group", "network-endpoints-group"}
    assert not any(name.startswith("network-training-") for name in rules(adopted)), "that group is its owner's"
    outward = rules(adopted)["network-workload-to-elsewhere"]
    assert outward["cidrIpv4"] == "0.0.0.0/0", "egress in an adopted VPC is its owner's to route"


def test_an_adopted_vpc_is_told_apart_by_its_type(adopted, private):
    assert [n.type for n in adopted.nodes if n.name == "network"] == ["modelyard:network:ExistingNetwork"]
    assert [n.type for n in private.nodes if n.name == "network"] == ["modelyard:network:Network"]


@pytest.mark.parametrize("graph", ["private", "adopted"])
def test_the_contract_says_what_teams_need(graph, request):
    contract = NetworkContract.model_validate(request.getfixturevalue(graph).outputs["contract"])
    assert set(contract.subnets["private"]) == set(ZONES)
    assert set(contract.security_groups) == {"workload", "training", "endpoints"}
    assert contract.cidr.endswith("/16")


def test_a_known_network_answers_as_the_platforms_does():
    contract = NetworkContract(
        vpc_id="vpc-1",
        cidr="10.0.0.0/16",
        subnets={"private": {"eu-west-1b": "subnet-b", "eu-west-1a": "subnet-a"}},
        security_groups={"workload": "sg-1"},
    )

    def program() -> None:
        network = KnownNetwork(contract)
        pulumi.export("subnets", network.subnet_ids("private"))
        pulumi.export("group", network.security_group("workload"))
        with pytest.raises(InputError, match=r"got 'public'; is no tier of this network\. It has private\."):
            network.subnet_ids("public")
        with pytest.raises(InputError, match=r"got 'training'; is no intent of this network\. It has workload\."):
            network.security_group("training")

    graph = record(program, project="p", stack="s", region=REGION)
    assert graph.outputs == {"subnets": ["subnet-a", "subnet-b"], "group": "sg-1"}, "in the order of the zones"


def test_production_needs_two_zones():
    with pytest.raises(SpecError, match=r"zones: got \['eu-west-1a'\]; are fewer than production needs"):
        recorded(vpc(zones=("eu-west-1a",)), context=PRODUCTION)


def test_a_zone_outside_the_region_stops_the_program():
    with pytest.raises(SpecError, match=r"zones\[0\]: got 'us-east-1a'; is a zone outside the region eu-west-1"):
        recorded(vpc(zones=("us-east-1a",)))
