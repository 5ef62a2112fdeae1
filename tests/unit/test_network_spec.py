from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.core.document import load, parse
from modelyard.core.errors import SpecError
from modelyard.foundation.network import ExistingNetworkSpec, VpcSpec
from modelyard.foundation.network.plan import LETTERS


def vpc(text: str) -> VpcSpec:
    return load(parse(f"kind: vpc\n{text}".encode(), "platform.yaml"), VpcSpec)


def faults(text: str) -> list[str]:
    with pytest.raises(SpecError) as raised:
        vpc(text)
    return [str(fault) for fault in raised.value.faults]


@given(
    prefix=st.integers(16, 22),
    letters=st.sets(st.sampled_from(LETTERS), min_size=1, max_size=6),
    start=st.integers(0, 255),
)
def test_the_automatic_plan_always_fits_and_never_overlaps(prefix, letters, start):
    whole = IPv4Network(f"10.{start}.0.0/{prefix}")
    zones = tuple(f"eu-west-1{letter}" for letter in letters)
    plan = VpcSpec(kind="vpc", cidr=str(whole), zones=zones, nat="one").plan()
    subnets = [IPv4Network(cidr) for by_zone in plan.values() for cidr in by_zone.values()]
    assert len(subnets) == 3 * len(zones)
    assert all(subnet.subnet_of(whole) and subnet.prefixlen <= 28 for subnet in subnets)
    assert not any(one.overlaps(other) for one, other in combinations(subnets, 2))


def test_a_zone_that_comes_or_goes_moves_no_other():
    few = vpc("cidr: 10.20.0.0/16\nzones: [eu-west-1b]").plan()
    more = vpc("cidr: 10.20.0.0/16\nzones: [eu-west-1a, eu-west-1b, eu-west-1c]").plan()
    for tier, by_zone in few.items():
        assert more[tier]["eu-west-1b"] == by_zone["eu-west-1b"]


def test_public_subnets_leave_the_others_where_they_are():
    closed = vpc("cidr: 10.20.0.0/16\nzones: [eu-west-1a]").plan()
    opened = vpc("cidr: 10.20.0.0/16\nzones: [eu-west-1a]\npublic: true").plan()
    assert opened.pop("public") and opened == closed


@pytest.mark.parametrize(
    ("cidr", "said"),
    [
        ("10.20.1.0/16", "got '10.20.1.0/16'; has bits set behind its prefix. Use 10.20.0.0/16."),
        ("10.0.0.0/8", "is no /16 to /22. Use 10.0.0.0/16 or the like."),
        ("10.0.5.0/24", "is no /16 to /22. Use 10.0.4.0/22 or the like."),
        ("8.8.0.0/16", "is not private. Use addresses of 10/8"),
        ("172.16.0.0/14", "is no /16 to /22"),
        ("172.17.0.0/16", "overlaps 172.17.0.0/16, which containers use"),
        ("10.20.0.0", "has no prefix length. Write it as 10.20.0.0/16."),
        ("somewhere", "is no block of IPv4 addresses"),
        ("fd00::/56", "is no block of IPv4 addresses"),
    ],
)
def test_addresses_that_no_vpc_can_have_are_refused_with_a_remedy(cidr, said):
    (fault,) = faults(f'cidr: "{cidr}"\nzones: [eu-west-1a]')
    assert fault.startswith("platform.yaml:2:7: cidr: got ")
    assert said in fault


@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "172.31.0.0/20", "192.168.4.0/22", "100.64.0.0/16"])
def test_private_addresses_are_taken(cidr):
    assert vpc(f"cidr: {cidr}\nzones: [eu-west-1a]").cidr == cidr


def test_zones_are_distinct_of_one_region_and_have_a_slot():
    assert faults("cidr: 10.0.0.0/16\nzones: [eu-west-1a, eu-west-1a, us-east-1b, eu-west-1z]") == [
        "platform.yaml:3:21: zones[1]: got 'eu-west-1a'; is named twice. Remove one of them.",
        "platform.yaml:3:33: zones[2]: got 'us-east-1b'; lies in another region than zones[0] (eu-west-1a). "
        "Name zones of one region.",
        "platform.yaml:3:45: zones[3]: got 'eu-west-1z'; has no slot in the plan, which has abcdefgh. "
        'Give its subnets under "subnets".',
    ]


def test_zones_are_full_names():
    told = faults("cidr: 10.0.0.0/16\nzones: [eu-west-1a, b]")
    assert told[0].startswith("platform.yaml:3:21: zones[1]: got 'b'; has characters or a form that are not allowed")


def test_all_faults_of_a_plan_by_hand_are_told_at_once_with_both_paths():
    told = faults(
        "cidr: 10.20.0.0/16\n"
        "zones: [eu-west-1a, eu-west-1b]\n"
        "nat: one\n"
        "subnets:\n"
        "  private: {eu-west-1a: 10.20.0.0/20, eu-west-1b: 10.20.8.0/21}\n"
        "  isolated: {eu-west-1a: 10.21.0.0/20, eu-west-1c: 10.20.64.7/20}\n"
    )
    assert [fault.split(": ", 1)[1] for fault in told] == [
        "subnets: got ['private', 'isolated']; lack the tier public, which is where NAT gateways live, and nat is one. "
        'Add "public".',
        "subnets.private.eu-west-1b: got '10.20.8.0/21'; overlaps subnets.private.eu-west-1a (10.20.0.0/20). "
        "Move one of them.",
        'subnets.isolated: has no subnet in the zone eu-west-1b. Add "eu-west-1b".',
        "subnets.isolated.eu-west-1a: got '10.21.0.0/20'; doesn't fit into cidr (10.20.0.0/16). "
        "Use a part of that block.",
        'subnets.isolated.eu-west-1c: is a subnet in a zone that zones don\'t name. Add it to "zones", or remove the '
        "subnet.",
        "subnets.isolated.eu-west-1c: got '10.20.64.7/20'; has bits set behind its prefix. Use 10.20.64.0/20.",
    ]


def test_a_subnet_has_at_least_sixteen_addresses():
    (fault,) = faults("cidr: 10.0.0.0/16\nzones: [eu-west-1a]\nsubnets: {private: {eu-west-1a: 10.0.0.0/29}}")
    assert "is smaller than a /28" in fault


def test_a_gateway_service_needs_no_interface_endpoint():
    (fault,) = faults("cidr: 10.0.0.0/16\nzones: [eu-west-1a]\nendpoints: {interface: [s3]}")
    assert "endpoints.interface[0]: got 's3'; has a gateway endpoint, which costs nothing" in fault


def test_flow_logs_go_off_only_by_name():
    assert vpc("cidr: 10.0.0.0/16\nzones: [eu-west-1a]\nflow_logs: {kind: off}").flow_logs.kind == "off"
    (fault,) = faults("cidr: 10.0.0.0/16\nzones: [eu-west-1a]\nflow_logs: {kind: cloudwatch, retention_days: 31}")
    assert "flow_logs.retention_days: got 31; is none of the choices" in fault


def test_every_zone_outside_the_region_is_told():
    spec = vpc("cidr: 10.0.0.0/16\nzones: [eu-west-1a, eu-west-1b]")
    assert [str(fault) for fault in spec.zones_outside("eu-central-1")] == [
        "platform.yaml:3:9: zones[0]: got 'eu-west-1a'; is a zone outside the region eu-central-1. "
        "Use one such as eu-central-1a.",
        "platform.yaml:3:21: zones[1]: got 'eu-west-1b'; is a zone outside the region eu-central-1. "
        "Use one such as eu-central-1a.",
    ]
    assert not list(spec.zones_outside("eu-west-1"))


def test_an_existing_network_names_private_subnets_each_once():
    text = (
        "kind: existing\n"
        "vpc_id: vpc-0a1b2c3d\n"
        "subnets: {public: {eu-west-1a: subnet-0a1b2c3d, eu-west-1b: subnet-0a1b2c3d}}\n"
    )
    with pytest.raises(SpecError) as raised:
        load(parse(text.encode(), "platform.yaml"), ExistingNetworkSpec)
    assert [str(fault).split(": ", 1)[1] for fault in raised.value.faults] == [
        "subnets: got ['public']; lack private ones, where the work runs. Add \"private\".",
        "subnets.public.eu-west-1b: got 'subnet-0a1b2c3d'; is the same subnet as subnets.public.eu-west-1a. "
        "Name another.",
    ]
