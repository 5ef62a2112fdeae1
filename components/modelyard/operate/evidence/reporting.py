"""What a check before a release finds of who can do what, put down where the next bundle takes it from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from modelyard.core.deployed_from import revision
from modelyard.core.evidence import POLICY
from modelyard.core.releasing import canonical
from modelyard.operate.access import TeamAccess, team_access
from modelyard.operate.deployments import Place
from modelyard.operate.evidence.place import Store, stores_of
from modelyard.operate.models.place import asking

KIND: Final = "modelyard-access-findings-1"
_SAYS: Final = "Who can do what by the recorded stacks, and which grants are refused; no other rules were checked."
_SIGN_IN: Final = "Sign in as a persona that has it: `evidence: {report: true}` in the team's file."
_DEPLOYMENT: Final = "deployment"


def findings(access: TeamAccess, source: Mapping[str, Any], made_at: datetime) -> dict[str, Any]:
    """The report: identities and their fence, who uses models and endpoints, and each grant that something refuses.

    `source`: the commit that the stacks were recorded from. The deployment role's policies name whole services, which
    its own denials narrow; they aren't among the refused grants.
    """
    said = access.as_json()
    refused = [
        {"identity": who.identity.arn, "thing": row.thing, "call": call, "refused_by": by}
        for who in access.who
        if who.role != _DEPLOYMENT
        for row in who.rows
        for call, by in row.fenced.items()
    ]
    kept = ("name", "arn", "role", "people", "boundary", "trust")
    return {
        "kind": KIND,
        "says": _SAYS,
        "made_at": made_at.isoformat(),
        "source": dict(source),
        "team": access.team,
        "environment": access.environment,
        "identities": [{name: one[name] for name in kept} for one in said["identities"]],
        "uses": said["things"],
        "refused_grants": refused,
        "unread": said["unread"],
    }


def report(where: Place, team: str) -> tuple[str, dict[str, Any]]:
    """Put the report of a team down; its URI, and what it says.

    Raises `InputError` for a team without an evidence store, and where the caller may not report.
    """
    (store,) = stores_of(where, [team])
    found = findings(
        team_access(where.project.root, team, where.environment), revision(where.project.root), datetime.now(UTC)
    )
    return put(store, found), found


def put(store: Store, found: Mapping[str, Any]) -> str:
    """Put a report down in a store; its URI."""
    uri = f"s3://{store.bucket}/{POLICY}"
    with asking(uri, _SIGN_IN, of=store.registry.context):
        store.s3.put_object(
            Bucket=store.bucket, Key=POLICY, Body=canonical(found).encode(), ContentType="application/json"
        )
    return uri
