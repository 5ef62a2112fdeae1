"""The roles of a team that work with its data: made, or taken over, and granted what the file says."""

from __future__ import annotations

import pulumi

from modelyard.build.data.aws import DataLake
from modelyard.build.data.spec import AccessSpec
from modelyard.core.access import trust_service
from modelyard.core.context import Context
from modelyard.core.identity import AdoptedRole, Role


def data_role(
    name: str, spec: AccessSpec, *, context: Context, lake: DataLake, opts: pulumi.ResourceOptions | None = None
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
    if spec.read:
        lake.grant_read(role, datasets=spec.read)
    if spec.write:
        lake.grant_write(role, datasets=spec.write)
    if spec.publish:
        lake.grant_publish(role, datasets=spec.publish)
    if spec.query:
        lake.grant_query(role)
    return role
