"""A team's secrets of AWS in its namespace, by External Secrets: copied as they are rotated, and by nobody's hand.

Source: external-secrets.io/latest/provider/aws-access.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pulumi

from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.kubernetes import custom
from modelyard.foundation.secrets import Secrets
from modelyard.foundation.tenancy.kubernetes_identity import ServiceAccountRole

API: Final = "external-secrets.io/v1"
STORE: Final = "team"
READER: Final = "secrets-reader"
"""The component whose service account reads the secrets; the store knows it by its name."""
_OFTEN: Final = "10m"


def secret_store(
    component: Component, *, context: Context, namespace: pulumi.Input[str], after: Sequence[pulumi.Resource] = ()
) -> None:
    """Where secrets come from into a team's namespace: from AWS, with the rights of the team's own account there.

    The platform makes it: a store is an address that the operator calls, and a team's deployment makes none.
    """
    account = {"serviceAccountRef": {"name": context.names.of("kubernetes", READER)}}
    custom(
        component,
        "secret-store",
        api_version=API,
        kind="SecretStore",
        name=STORE,
        namespace=namespace,
        spec={
            "provider": {"aws": {"service": "SecretsManager", "region": context.region, "auth": {"jwt": account}}},
            "refreshInterval": 300,
        },
        after=after,
    )


class SyncedSecrets(Component):
    """Secrets of a team as files that its pods mount; a new value is there about ten minutes after its rotation.

    `secrets`: those of the team, and `names` which of them come into the namespace. `cluster` and `issuer`: the
    cluster's name on EKS and the issuer of its tokens. `mounted` says under which name each is found there.
    """

    CAPABILITY = "tenancy"

    def __init__(
        self,
        name: str,
        secrets: Secrets,
        *,
        names: Sequence[str],
        context: Context,
        cluster: str,
        issuer: str,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, None, context=context, transform=transform, opts=opts, written=secrets.written)
        reader = ServiceAccountRole(
            READER,
            context=context,
            cluster=cluster,
            issuer=issuer,
            description=f"Copies secrets of {context.owner} into its namespace",
            opts=self.options(),
        )
        secrets.grant_read(reader, secrets=names)
        self.mounted: dict[str, str] = {}
        for entry in names:
            self.mounted[entry] = self.physical("kubernetes", entry)
            custom(
                self,
                entry,
                api_version=API,
                kind="ExternalSecret",
                name=self.mounted[entry],
                namespace=context.names.namespace,
                spec={
                    "refreshInterval": _OFTEN,
                    "secretStoreRef": {"kind": "SecretStore", "name": STORE},
                    "target": {"name": self.mounted[entry], "creationPolicy": "Owner", "deletionPolicy": "Delete"},
                    "data": [{"secretKey": "value", "remoteRef": {"key": secrets.arns[entry]}}],
                },
                after=[reader.account],
            )
        self.register_outputs({"mounted": self.mounted})
