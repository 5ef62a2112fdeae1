"""A serverless cache for Feast: Valkey, encrypted, in the private subnets, entered by IAM and never by a password."""

from __future__ import annotations

from typing import Final

import pulumi
import pulumi_aws as aws

from modelyard.build.features.places import Places
from modelyard.build.features.spec import RedisOnline
from modelyard.core.access import Statement
from modelyard.core.component import Component
from modelyard.core.errors import Fault, InputError
from modelyard.foundation.network import NetworkLike

_RIGHTS: Final = {
    "reader": "on ~* -@all +@read +@connection +cluster|slots +cluster|shards",
    "writer": "on ~* +@all -@dangerous",
}
"""Access strings (AmazonElastiCache/latest/dg/Clusters.RBAC)."""


class Redis:
    """The cache, and its two users: Feast keeps all views of an entity together, so rights end at reading or writing.

    A token that IAM signs is the password, for fifteen minutes (AmazonElastiCache/latest/dg/auth-iam).
    """

    def __init__(self, store: Component, spec: RedisOnline, places: Places, network: NetworkLike | None) -> None:
        if network is None:
            raise InputError(
                Fault(
                    "needs a network, since a cache is never public",
                    "Pass network=, or use online: {kind: dynamodb}.",
                    spec.source("kind"),
                    "redis",
                )
            )
        self._store = store
        self._places = places
        context = store.context
        self.name = store.physical("cache")
        self.users = {intent: store.physical("cache", intent) for intent in _RIGHTS}
        users = [
            aws.elasticache.User(
                store.named(f"cache-{intent}"),
                user_id=self.users[intent],
                user_name=self.users[intent],
                engine="valkey",
                access_string=rights,
                authentication_mode={"type": "iam"},
                opts=store.options(),
            )
            for intent, rights in _RIGHTS.items()
        ]
        group = aws.elasticache.UserGroup(
            store.named("cache-users"),
            user_group_id=store.physical("cache", "users"),
            engine="valkey",
            user_ids=[user.user_id for user in users],
            opts=store.options(),
        )
        cache = aws.elasticache.ServerlessCache(
            store.written_at("cache", spec.source()),
            name=self.name,
            description=f"Features of {context.owner}",
            engine="valkey",
            major_engine_version="8",
            kms_key_id=places.key_arn,
            security_group_ids=list(spec.security_groups),
            subnet_ids=network.subnet_ids("private"),
            user_group_id=group.user_group_id,
            cache_usage_limits={
                "data_storage": {"maximum": spec.max_gib, "unit": "GB"},
                "ecpu_per_seconds": [{"maximum": spec.max_units}],
            },
            opts=store.options(),
        )
        self.endpoint: pulumi.Output[str] = cache.endpoints.apply(
            lambda known: f"{known[0].address}:{known[0].port}" if known else ""
        )

    def may_read(self) -> list[Statement]:
        """Lets an identity connect as the reader."""
        return [self._may_connect("reader")]

    def may_write(self) -> list[Statement]:
        """Lets an identity connect as the writer."""
        return [self._may_connect("writer")]

    def _may_connect(self, intent: str) -> Statement:
        arn = self._store.context.arn
        things = (arn("elasticache", f"serverlesscache:{self.name}"), arn("elasticache", f"user:{self.users[intent]}"))
        return Statement(("elasticache:Connect",), things)
