"""How a VPC is cut into subnets, and what is wrong with one that somebody cut by hand.

The automatic plan has eight slots, keyed by the zone's letter, so that adding or removing a zone moves nobody. In a
slot the private subnet has the first half, the isolated one the next quarter, the public one the next eighth; the
last eighth stays free.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Final

GATEWAY_SERVICES: Final = ("s3", "dynamodb")
"""Services with a gateway endpoint, which costs nothing (vpc/latest/privatelink/gateway-endpoints)."""

LETTERS: Final = "abcdefgh"
_SLOT_BITS: Final = 3
_PARTS: Final[Mapping[str, tuple[int, int]]] = {"private": (1, 0), "isolated": (2, 2), "public": (3, 6)}
"""Of each tier: by how many bits its prefix is longer than the slot's, and which piece of that size it is."""

_LARGEST_VPC, _SMALLEST_VPC, _SMALLEST_SUBNET = 16, 22, 28
_PRIVATE: Final = tuple(
    ipaddress.IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)
_CONTAINERS: Final = ipaddress.IPv4Network("172.17.0.0/16")
"""What Docker's bridge takes in notebooks and training hosts (vpc/latest/userguide/vpc-cidr-blocks)."""


def automatic(network: ipaddress.IPv4Network, tier: str, zone: str) -> str:
    """The CIDR of the subnet of `tier` in `zone`, whose last letter is one of `LETTERS`."""
    longer, piece = _PARTS[tier]
    prefix = network.prefixlen + _SLOT_BITS + longer
    position = (LETTERS.index(zone[-1]) << longer) + piece
    start = int(network.network_address) + (position << (32 - prefix))
    return str(ipaddress.IPv4Network((start, prefix)))


def vpc_problem(cidr: str) -> tuple[str, str] | None:
    """Problem and remedy of a VPC's addresses; None where they are sound."""
    wrong = _form_problem(cidr)
    if wrong is not None:
        return wrong
    network = ipaddress.IPv4Network(cidr)
    if not _LARGEST_VPC <= network.prefixlen <= _SMALLEST_VPC:
        fitting = max(_LARGEST_VPC, min(_SMALLEST_VPC, network.prefixlen))
        suggested = ipaddress.IPv4Network(f"{network.network_address}/{fitting}", strict=False)
        return f"is no /{_LARGEST_VPC} to /{_SMALLEST_VPC}", f"Use {suggested} or the like."
    if not any(network.subnet_of(block) for block in _PRIVATE):
        return "is not private", "Use addresses of 10/8, 172.16/12, 192.168/16 or 100.64/10."
    if network.overlaps(_CONTAINERS):
        return f"overlaps {_CONTAINERS}, which containers use on notebook and training hosts", "Use 10.20.0.0/16."
    return None


def subnet_problems(named: Mapping[str, str], vpc: ipaddress.IPv4Network | None) -> Iterator[tuple[str, str, str, str]]:
    """Path, problem, remedy and value of each subnet that is broken, outside the VPC, or overlaps an earlier one.

    `named`: CIDRs by path. `vpc` is None where the VPC's own addresses are unsound.
    """
    seen: dict[str, ipaddress.IPv4Network] = {}
    for path, cidr in named.items():
        wrong = _form_problem(cidr)
        if wrong is not None:
            yield (path, *wrong, cidr)
            continue
        subnet = ipaddress.IPv4Network(cidr)
        if subnet.prefixlen > _SMALLEST_SUBNET:
            yield path, f"is smaller than a /{_SMALLEST_SUBNET}", "Give it more addresses.", cidr
        if vpc is not None and not subnet.subnet_of(vpc):
            yield path, f"doesn't fit into cidr ({vpc})", "Use a part of that block.", cidr
        for other, taken in seen.items():
            if subnet.overlaps(taken):
                yield path, f"overlaps {other} ({taken})", "Move one of them.", cidr
                break
        seen[path] = subnet


def _form_problem(cidr: str) -> tuple[str, str] | None:
    try:
        network = ipaddress.IPv4Network(cidr, strict=False)
    except ValueError:
        return "is no block of IPv4 addresses", "Write it as 10.20.0.0/16."
    address, _, prefix = cidr.partition("/")
    if not prefix.isdigit():
        return "has no prefix length", f"Write it as {address}/{_LARGEST_VPC}."
    if str(network.network_address) != address:
        return "has bits set behind its prefix", f"Use {network}."
    return None
