"""EC2: route tables, routes, and which subnets use them. Source: the EC2 API reference."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from modelyard_sandbox.aws.declare import Answer, Call, Step, Type, fields
from modelyard_sandbox.aws.tables.ec2_shared import TAGS, arn, filters

if TYPE_CHECKING:
    from modelyard_sandbox.aws.live import Live

_TARGETS: Final = fields(
    "carrierGatewayId",
    "coreNetworkArn",
    "gatewayId",
    "localGatewayId",
    "natGatewayId",
    "networkInterfaceId",
    "transitGatewayId",
    "vpcEndpointId",
    "vpcPeeringConnectionId",
    egressOnlyGatewayId="EgressOnlyInternetGatewayId",
)
_DESTINATIONS: Final = fields("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
_INLINE_DESTINATIONS: Final = {
    "cidrBlock": "DestinationCidrBlock",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}


def _sent(values: Mapping[str, Any], table: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of those properties that are set."""
    return {member: values[prop] for prop, member in table.items() if values.get(prop)}


def _table(live: Live, id: str) -> dict[str, Any]:
    return live.call("describe_route_tables", RouteTableIds=[id])["RouteTables"][0]


def _own_routes(table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Routes that somebody wrote: neither the local one nor those of gateway endpoints."""
    for route in table["Routes"]:
        target = route.get("GatewayId", "")
        if target != "local" and not (target.startswith("vpce-") and route.get("DestinationPrefixListId")):
            yield route


def _inline(route: Mapping[str, Any]) -> dict[str, Any]:
    known = {**_INLINE_DESTINATIONS, **_TARGETS}
    return {prop: route[member] for prop, member in known.items() if route.get(member)}


def _read_route_table(live: Live) -> dict[str, Any]:
    table = _table(live, live.id)
    return {
        "arn": arn(live, "route-table"),
        "ownerId": table["OwnerId"],
        "vpcId": table["VpcId"],
        "propagatingVgws": [gateway["GatewayId"] for gateway in table.get("PropagatingVgws", [])],
        "routes": [_inline(route) for route in _own_routes(table)],
    }


def _write_routes(live: Live) -> None:
    before, wanted = live.old.get("routes") or [], live.inputs.get("routes") or []
    for route in [route for route in before if route not in wanted]:
        live.call("delete_route", RouteTableId=live.id, **_sent(route, _INLINE_DESTINATIONS))
    for route in [route for route in wanted if route not in before]:
        sent = {**_sent(route, _INLINE_DESTINATIONS), **_sent(route, _TARGETS)}
        live.call("create_route", RouteTableId=live.id, **sent)


_WRITE_ROUTES: Final = Step(_write_routes, on=("routes",))
ROUTE_TABLE = Type(
    "aws:ec2/routeTable:RouteTable",
    "ec2",
    fields=fields("vpcId"),
    id=Answer("RouteTableId"),
    computed=("arn", "ownerId"),
    create=(Call("create_route_table", take="RouteTable"), _WRITE_ROUTES),
    read=_read_route_table,
    update=_WRITE_ROUTES,
    delete=Call("delete_route_table", {"RouteTableId": "id"}, fill=False),
    sets=("routes", "propagatingVgws"),
    tags=TAGS,
)


def _destination(live: Live) -> str:
    return next(str(live.get(prop)) for prop in _DESTINATIONS if live.get(prop))


def _route_id(live: Live) -> str:
    """The real provider's: the table's id, and the CRC of the destination."""
    return f"r-{live.get('routeTableId')}{zlib.crc32(_destination(live).encode())}"


def _from_route_id(id: str) -> dict[str, Any]:
    table, _, destination = id.partition("_")
    if destination.startswith("pl-"):
        return {"routeTableId": table, "destinationPrefixListId": destination}
    kind = "destinationIpv6CidrBlock" if ":" in destination else "destinationCidrBlock"
    return {"routeTableId": table, kind: destination}


def _write_route(operation: str) -> Any:
    def write(live: Live) -> None:
        sent = {**_sent(live.inputs, _DESTINATIONS), **_sent(live.inputs, _TARGETS)}
        live.call(operation, RouteTableId=live.inputs["routeTableId"], **sent)

    return write


def _read_route(live: Live) -> dict[str, Any] | None:
    wanted = _destination(live)
    for route in _table(live, live.get("routeTableId"))["Routes"]:
        if wanted in (route.get(member) for member in _DESTINATIONS.values()):
            live.id = _route_id(live)
            found = {prop: route.get(member) for prop, member in {**_DESTINATIONS, **_TARGETS}.items()}
            if str(found["gatewayId"]).startswith("vpce-"):
                found["vpcEndpointId"] = found.pop("gatewayId")
            return {
                "routeTableId": live.get("routeTableId"),
                **found,
                "origin": route["Origin"],
                "state": route["State"],
                "instanceId": route.get("InstanceId", ""),
                "instanceOwnerId": route.get("InstanceOwnerId", ""),
            }
    return None


def _delete_route(live: Live) -> None:
    live.call("delete_route", RouteTableId=live.get("routeTableId"), **_sent(live.state, _DESTINATIONS))


ROUTE = Type(
    "aws:ec2/route:Route",
    "ec2",
    id=_route_id,
    from_id=_from_route_id,
    computed=("instanceId", "instanceOwnerId", "origin", "state"),
    create=_write_route("create_route"),
    read=_read_route,
    update=Step(_write_route("replace_route"), on=tuple(_TARGETS)),
    delete=_delete_route,
)


def _association(live: Live) -> dict[str, Any] | None:
    """The association as it is now; moving it to another table gave it a new id."""
    if subnet := live.get("subnetId"):
        found = live.call("describe_route_tables", Filters=filters(**{"association.subnet_id": subnet}))
    else:
        by_id = {"association.route_table_association_id": live.id}
        found = live.call("describe_route_tables", Filters=filters(**by_id))
    for link in [link for table in found["RouteTables"] for link in table["Associations"]]:
        if link.get("SubnetId") == subnet if subnet else link["RouteTableAssociationId"] == live.id:
            return link
    return None


def _read_association(live: Live) -> dict[str, Any] | None:
    link = _association(live)
    if link is None:
        return None
    live.id = link["RouteTableAssociationId"]
    return {
        "routeTableId": link["RouteTableId"],
        "subnetId": link.get("SubnetId"),
        "gatewayId": link.get("GatewayId"),
    }


def _move(live: Live) -> None:
    link = _association(live)
    if link:
        live.call(
            "replace_route_table_association",
            AssociationId=link["RouteTableAssociationId"],
            RouteTableId=live.inputs["routeTableId"],
        )


def _dissociate(live: Live) -> None:
    link = _association(live)
    if link:
        live.call("disassociate_route_table", AssociationId=link["RouteTableAssociationId"])


def _from_association_id(id: str) -> dict[str, Any]:
    place, _, table = id.partition("/")
    return {"subnetId" if place.startswith("subnet-") else "gatewayId": place, "routeTableId": table}


ROUTE_TABLE_ASSOCIATION = Type(
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "ec2",
    fields=fields("routeTableId", "subnetId", "gatewayId"),
    id=Answer("AssociationId"),
    from_id=_from_association_id,
    create=Call("associate_route_table"),
    read=_read_association,
    update=Step(_move, on=("routeTableId",)),
    delete=_dissociate,
)

TYPES = (ROUTE_TABLE, ROUTE, ROUTE_TABLE_ASSOCIATION)
