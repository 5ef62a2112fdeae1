"""Experiment tracking on AWS: one server for one team, in either flavour, with the same grants and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from modelyard.build.tracking import managed, server
from modelyard.build.tracking.hosted import Hosted
from modelyard.build.tracking.idle import rest
from modelyard.build.tracking.managed import Managed
from modelyard.build.tracking.spec import SelfHostedTracking, TrackingSpec
from modelyard.build.tracking.store import Store
from modelyard.core.access import Grantee, Statement, address, identity_of
from modelyard.core.addresses import TrackingAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.foundation.keys import KeysLike
from modelyard.foundation.network import NetworkLike


class ExperimentTracking(Component):
    """An MLflow server of one owner, and the bucket in which its runs keep their files.

    `network`: where a server that we host runs; SageMaker's own needs none. Outputs: `tracking_uri`, `artifact_root`,
    and of a server that we host `balancer_name`, `client_group` and `containers`.

    Raises `SpecError` with all faults, those of the place included.
    """

    CAPABILITY = "tracking"

    def __init__(
        self,
        name: str,
        spec: TrackingSpec,
        *,
        context: Context,
        keys: KeysLike,
        network: NetworkLike | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        placed = spec.faults_in(context.region, production=context.production, network=network is not None)
        faults = [*spec.all_faults(), *placed]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self._store = Store(self, spec, key_arn=keys.arn("data"))
        self.bucket = self._store.bucket
        self.artifact_root = self._store.root
        flavour = spec.flavour
        self._managed: Managed | None = None
        self._hosted: Hosted | None = None
        if isinstance(flavour, SelfHostedTracking):
            assert network is not None
            rests = spec.idle is not None or spec.expires is not None
            self._hosted = Hosted(self, flavour, self._store, keys=keys, network=network, rests=rests)
            self.tracking_uri = self._hosted.tracking_uri
            rest(self, spec, self._hosted.switches())
        else:
            self._managed = Managed(self, flavour, self._store)
            self.tracking_uri = self._managed.tracking_uri
            rest(self, spec, self._managed.switches())
        self.register_outputs({"artifactRoot": self.artifact_root, "trackingUri": self.tracking_uri, **self._told()})

    @property
    def balancer_name(self) -> pulumi.Output[str] | None:
        """The name of the load balancer, for a record in DNS; None where SageMaker runs the server."""
        return self._hosted.balancer_name if self._hosted else None

    @property
    def client_group(self) -> pulumi.Output[str] | None:
        """The security group that reaches the load balancer, for jobs to carry; None where SageMaker runs it."""
        return self._hosted.client_group if self._hosted else None

    @property
    def containers(self) -> pulumi.Output[list[dict[str, Any]]] | None:
        """What runs in a task, as RegisterTaskDefinition takes it; None where SageMaker runs the server."""
        return self._hosted.containers if self._hosted else None

    def grant_log(self, grantee: Grantee) -> None:
        """Let `grantee` make experiments and runs, log into them with their files, and read all of them.

        On a server that we host, that is MLflow's user `writer`, whose password it reads.
        """
        self._grant(grantee, "log", managed.LOG, server.WRITER, self._store.may_write())

    def grant_read(self, grantee: Grantee) -> None:
        """Let `grantee` see runs and read their files, and change nothing.

        On a server that we host, that is MLflow's user `reader`; MLflow lets every user make experiments of its own.
        """
        self._grant(grantee, "read", managed.READ, server.READER, self._store.may_read())

    def grant_manage(self, grantee: Grantee) -> None:
        """Let `grantee` do everything in MLflow, its registry and its users included, and delete files.

        SageMaker's server it may also open in a browser, stop and start.
        """
        statements = [*self._store.may_write(), *self._store.may_delete()]
        if self._managed is not None:
            statements += [*self._managed.may(managed.OPERATE), *self._managed.may_browse()]
        self._grant(grantee, "manage", managed.MANAGE, server.ADMIN, statements)

    def _grant(
        self, grantee: Grantee, intent: str, actions: tuple[str, ...], user: str, statements: Sequence[Statement]
    ) -> None:
        found: dict[str, pulumi.Input[str]] = {"flavour": self.spec.flavour.kind}
        given = list(statements)
        if self._hosted is not None:
            secret = f"mlflow-{user}"
            self._hosted.secrets.grant_read(grantee, secrets=[secret])
            found["secret_arn"] = self._hosted.secrets.arns[secret]
            found["client_group"] = self._hosted.client_group
        if self._managed is not None:
            given += self._managed.may(actions)
        where = address(
            TrackingAddress,
            name=self.component,
            tracking_uri=self.tracking_uri,
            artifact_root=self.artifact_root,
            key_arn=self._store.key_arn,
            **found,
        )
        identity_of(grantee).allow(self, intent, given, [where])

    def _told(self) -> dict[str, Any]:
        hosted = self._hosted
        if hosted is None:
            return {}
        return {"balancerName": hosted.balancer_name, "clientGroup": hosted.client_group}
