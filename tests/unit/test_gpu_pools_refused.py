"""A pool that can't be is refused at once: where it is written, what it says, and what to do."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from tests.gpus import recorded

from modelyard.core.errors import SpecError
from modelyard.core.spec import SourceMap
from modelyard.foundation.cluster import PoolSpec, pools_that_fail
from modelyard.foundation.cluster.pools import adapters

SOUND: dict[str, Any] = {
    "instance_types": ["p4d.24xlarge"],
    "limits": {"gpus": 16},
    "image": {"version": "1.50.0"},
}
BLOCK = {"kind": "block", "reservations": ["cr-0123456789abcdef0"], "zone": "eu-west-1b"}
RESERVED = {"kind": "reserved", "reservations": ["cr-0123456789abcdef0"]}
MIG = {"kind": "mig", "profile": "1g.10gb"}
WHERE = "platform.yaml: cluster.pools.a100."


def pool(**changes: Any) -> PoolSpec:
    found = PoolSpec.model_validate({**SOUND, **changes})
    found.locate(SourceMap("platform.yaml"), "cluster.pools.a100")
    return found


def said_of(**changes: Any) -> list[str]:
    return [str(fault) for fault in pool(**changes).all_faults()]


def test_a_sound_pool_has_no_fault():
    assert said_of() == []
    assert said_of(instance_types=["p5.48xlarge"], sharing=MIG, capacity=BLOCK, efa=True) == []


def test_a_pool_without_limits_is_refused():
    with pytest.raises(ValidationError) as refusal:
        PoolSpec.model_validate({key: value for key, value in SOUND.items() if key != "limits"})
    assert [each["loc"] for each in refusal.value.errors()] == [("limits",)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"instance_types": ["m6i.large"]},
         "instance_types[0]: got 'm6i.large'; has no whole GPU of NVIDIA's. Use a type that has, such as g6.xlarge."),
        ({"instance_types": ["trn1.32xlarge"]}, "instance_types[0]: got 'trn1.32xlarge'; has no whole GPU"),
        ({"instance_types": ["g6f.xlarge"]}, "instance_types[0]: got 'g6f.xlarge'; has no whole GPU"),
        ({"instance_types": ["p4d.24xlrge"]},
         "instance_types[0]: got 'p4d.24xlrge'; isn't in the catalogue of instances. Did you mean p4d.24xlarge?"),
        ({"instance_types": ["ml.p4d.24xlarge"]}, "Did you mean p4d.24xlarge?"),
        ({"instance_types": ["p4d.24xlarge", "g5.xlarge"], "sharing": {"kind": "mig", "profile": "1g.5gb"}},
         "instance_types[1]: got 'g5.xlarge'; has GPUs (NVIDIA A10G) that can't be divided. Use one with A100, H100"),
        ({"sharing": {"kind": "mig", "profile": "1g.18gb"}},
         "sharing.profile: got '1g.18gb'; isn't what p4d.24xlarge divides into. Use 1g.5gb, 1g.10gb, 2g.10gb"),
        ({"sharing": MIG, "image": {"family": "al2023", "version": "v20260101"}},
         "image.family: got 'al2023'; divides no GPUs by itself. Use bottlerocket"),
        ({"instance_types": ["g5.xlarge"], "efa": True, "zones": ["eu-west-1a"]},
         "instance_types[0]: got 'g5.xlarge'; takes no Elastic Fabric Adapter. Use a larger one"),
        ({"instance_types": ["p4d.24xlarge", "p5.48xlarge"], "efa": True, "zones": ["eu-west-1a"]},
         "have their adapters on other network cards than one another. Give each a pool of its own."),
        ({"efa": True}, "zones: got (); name 0 zones, and EFA reaches in one. Name one."),
        ({"placement_group": True, "zones": ["eu-west-1a", "eu-west-1b"]}, "and a placement group is in one"),
        ({"capacity": BLOCK, "zones": ["eu-west-1a"]},
         "capacity.zone: got 'eu-west-1b'; isn't where the pool stands: eu-west-1a. Remove \"zones\""),
        ({"capacity": RESERVED, "placement_group": True}, "reserved capacity has its own place"),
        ({"instance_types": ["p3.2xlarge"], "local_disks": True},
         "instance_types[0]: got 'p3.2xlarge'; has no local disks"),
        ({"limits": {"gpus": 4}},
         "limits.gpus: got 4; is less than its smallest machine has, 8: none would ever come. Raise it"),
        ({"image": {"version": "v20260101"}}, "image.version: got 'v20260101'; is no version of bottlerocket. Say one"),
        ({"image": {"family": "al2023", "version": "latest"}}, "image.version: got 'latest'; is no version of al2023"),
    ],
)  # fmt: skip
def test_what_a_type_a_zone_or_an_image_has_not_is_refused(changes: dict[str, Any], expected: str):
    (fault,) = said_of(**changes)
    assert fault.startswith(WHERE) and expected in fault


def test_a_pool_outside_the_network_or_under_the_clusters_own_name_is_refused():
    pools = {"a100": pool(zones=["eu-west-1c"]), "system": pool(), "block": pool(capacity=BLOCK)}
    outside, taken, block = pools_that_fail(pools, ["eu-west-1a"])
    assert "cluster.pools.a100.zones[0]: got 'eu-west-1c'; is no zone of the network. Use one of eu-west-1a" in str(
        outside
    )
    assert "got 'system'; is what the cluster's own nodes are called" in str(taken)
    assert "capacity.zone: got 'eu-west-1b'; is no zone of the network" in str(block)


def test_a_capacity_block_in_a_zone_without_the_networks_subnets_is_refused_before_anything_is_made():
    block = {**BLOCK, "zone": "eu-west-1c"}
    with pytest.raises(SpecError, match="'eu-west-1c'; is no zone of the network. Use one of eu-west-1a, eu-west-1b"):
        recorded({"a100": {**SOUND, "capacity": block}})


@pytest.mark.parametrize(
    "changes",
    [
        {"capacity": {"kind": "reserved", "reservations": []}},
        {"capacity": {"kind": "spot", "reservations": ["cr-0123456789abcdef0"]}},
        {"sharing": {"kind": "time-slicing", "replicas": 1}},
        {"limits": {"gpus": 0}},
        {"limits": {"gpus": 8, "monthly_usd": 0}},
        {"instance_types": []},
    ],
)
def test_what_makes_no_sense_in_any_pool_is_refused(changes: dict[str, Any]):
    with pytest.raises(ValidationError):
        pool(**changes)


def test_adapters_begin_on_the_second_card_where_the_first_takes_none():
    b300, p5en = (pool(instance_types=[name]).instances[0] for name in ("p6-b300.48xlarge", "p5en.48xlarge"))
    assert adapters(b300)[0] == (1, 0) and adapters(p5en)[0] == (0, 1)
    assert len(adapters(b300)) == len(adapters(p5en)) == 16
