"""The roles that IAM Identity Center makes of permission sets, in each account that they are assigned to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Final

from modelyard.assess.access.model import Identity, Policy
from modelyard.assess.graph import Graph, Node, reveal

_SET: Final = "aws:ssoadmin/permissionSet:PermissionSet"
_ASSIGNMENT: Final = "aws:ssoadmin/accountAssignment:AccountAssignment"
_BOUNDARY: Final = "aws:ssoadmin/permissionsBoundaryAttachment:PermissionsBoundaryAttachment"
_MEMBERSHIP: Final = "aws:identitystore/groupMembership:GroupMembership"
INLINE: Final = "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy"
_PATH: Final = "/aws-reserved/sso.amazonaws.com/"


def doors(graph: Graph, managed: Mapping[str, Policy]) -> Iterable[Identity]:
    """The identities behind a graph's permission sets: a role for each account that someone is assigned to.

    IAM Identity Center names such a role `AWSReservedSSO_<name>_<16 hexadecimal digits>`, and lets in by SAML whom it
    has signed in (singlesignon/latest/userguide/using-service-linked-roles, referencingpermissionsets).
    """
    for node in graph.of_type(_SET):
        arn = str(reveal(node.outputs["arn"]))
        name = str(reveal(node.properties["name"]))
        tags = dict(reveal(node.outputs.get("tagsAll")) or {})
        inline = tuple(
            Policy(name, json.loads(str(reveal(found.properties["inlinePolicy"]))), found.urn)
            for found in _about(graph, INLINE, arn)
        )
        accounts = {str(reveal(found.properties["targetId"])) for found in _about(graph, _ASSIGNMENT, arn)}
        component = graph.component_of(node)
        suffix = hashlib.sha256(node.urn.encode()).hexdigest()[:16]
        for account in sorted(accounts):
            role = f"AWSReservedSSO_{name}_{suffix}"
            yield Identity(
                arn=f"arn:aws:iam::{account}:role{_PATH}{role}",
                name=role,
                path=_PATH,
                policies=inline,
                trust=Policy(f"trust of {role}", _signed_in(account), node.urn),
                boundary=next((b for f in _about(graph, _BOUNDARY, arn) if (b := _ceiling(f, account, managed))), None),
                description=str(reveal(node.properties.get("description")) or ""),
                component=component.name if component else "",
                tags={},
                urn=node.urn,
                team=tags.get("team", ""),
                people=tuple(sorted(_people(graph, node))),
            )


def _about(graph: Graph, kind: str, permission_set: str) -> Iterable[Node]:
    return (n for n in graph.of_type(kind) if reveal(n.properties.get("permissionSetArn")) == permission_set)


def _ceiling(node: Node, account: str, managed: Mapping[str, Policy]) -> Policy | None:
    """The boundary by name and path, as a permission set refers to it."""
    named = (reveal(node.properties.get("permissionsBoundary")) or {}).get("customerManagedPolicyReference") or {}
    path, name = named.get("path", "/"), named.get("name", "")
    return managed.get(f"arn:aws:iam::{account}:policy{path}{name}")


def _people(graph: Graph, door: Node) -> Iterable[str]:
    """Who goes through a door: our components end the names of memberships and assignments in the person."""
    for kind, end in ((_MEMBERSHIP, ""), (_ASSIGNMENT, "-assignment")):
        for node in graph.of_type(kind):
            name = node.name.removesuffix(end)
            if name.startswith(f"{door.name}-") and "@" in name:
                yield name.removeprefix(f"{door.name}-")


def _signed_in(account: str) -> Mapping[str, object]:
    provider = f"arn:aws:iam::{account}:saml-provider/AWSSSO_DO_NOT_DELETE"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
                "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
            }
        ],
    }
