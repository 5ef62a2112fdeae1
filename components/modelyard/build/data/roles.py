"""The roles of a team that work with its data: made, or taken over, and granted what the file says."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from modelyard.build.data.aws import DataLake
from modelyard.build.data.spec import DataRoleSpec
from modelyard.core.access import Grantee, trust_service
from modelyard.core.context import Context
from modelyard.core.identity import AdoptedRole, Role


def data_role(
    name: str, spec: DataRoleSpec, *, context: Context, lake: DataLake, opts: pulumi.ResourceOptions | None = None
) -> Role | AdoptedRole:
    """The role called `name`, with its grants on the lake's datasets."""
    trusted = [trust_service(f"{spec.service}.amazonaws.com", context=context)]
    description, where = f"{context.owner}: {name}", spec.source()
    role: Role | AdoptedRole
    if spec.adopt is None:
        role = Role(name, context=context, trusted=trusted, description=description, opts=opts, written=where)
    else:
        role = AdoptedRole(
            name,
            role=spec.adopt.role,
            ours=spec.adopt.settings == "ours",
            context=context,
            trusted=trusted,
            description=description,
            opts=opts,
            written=where,
        )
    grant_access(lake, role, read=spec.read, write=spec.write, publish=spec.publish, query=spec.query)
    return role


def grant_access(
    lake: DataLake,
    grantee: Grantee,
    *,
    read: Sequence[str] = (),
    write: Sequence[str] = (),
    publish: Sequence[str] = (),
    query: bool = False,
    snapshot: Sequence[str] = (),
    erase: Sequence[str] = (),
) -> None:
    """Give `grantee` on the lake's datasets what is named; an empty list is nothing, not all."""
    if read:
        lake.grant_read(grantee, datasets=read)
    if write:
        lake.grant_write(grantee, datasets=write)
    if publish:
        lake.grant_publish(grantee, datasets=publish)
    if query:
        lake.grant_query(grantee)
    if snapshot:
        lake.grant_snapshot(grantee, datasets=snapshot)
    if erase:
        lake.grant_erase(grantee, datasets=erase)
