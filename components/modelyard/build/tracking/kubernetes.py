"""Experiment tracking on Kubernetes: an MLflow server in its owner's namespace, private and signed in to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import pulumi
import pulumi_kubernetes as kubernetes

from modelyard.build.tracking import server
from modelyard.build.tracking.kubernetes_pods import PORT_NAME, pod
from modelyard.build.tracking.kubernetes_spec import BucketFiles, KubernetesTrackingSpec, SecretTls
from modelyard.build.tracking.store import Store
from modelyard.core.access import Grantee, Statement, address, identity_of
from modelyard.core.addresses import TrackingAddress
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError, SpecError
from modelyard.core.kubernetes import DOMAIN, WorkloadIdentity, label_value, labels
from modelyard.core.settle import at_program_end
from modelyard.core.ways import WaysSpec, ways
from modelyard.foundation.keys import KeysLike

SERVER: Final = f"{DOMAIN}/tracking"
PASSWORDS: Final = f"{DOMAIN}/passwords"
"""Changes with the version of the passwords, so that pods start anew."""


class KubernetesTracking(Component):
    """An MLflow server of one owner in its namespace: pods, a service without a way from outside, and its users.

    It goes into a cluster by `opts=cluster.into()`, and its pods act as `identity`. `keys`: the team's, for a bucket of
    S3. `fenced`: whether a `NamespaceFence` holds the namespace, in which the platform alone makes network policies:
    then it calls `tracking_ways`. `after`: what must be there before, such as what brings the Secrets. Raises
    `SpecError` with all faults.
    """

    CAPABILITY = "tracking"

    def __init__(
        self,
        name: str,
        spec: KubernetesTrackingSpec,
        *,
        context: Context,
        identity: WorkloadIdentity,
        keys: KeysLike | None = None,
        fenced: bool = False,
        after: Sequence[pulumi.Resource] = (),
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        acting: Any = getattr(identity, "identity", None)
        placed = spec.faults_in(production=context.production, keys=keys is not None, acts=acting is not None)
        faults = [*spec.all_faults(), *placed]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec, self.namespace = spec, identity.namespace
        self.service: str = self.physical("kubernetes")
        secured = isinstance(spec.listener, SecretTls)
        self._port = 443 if secured else 80
        self.host = f"{self.service}.{self.namespace}.svc.cluster.local"
        self.tracking_uri = f"{'https' if secured else 'http'}://{self.host}"
        """Where clients in the cluster find it."""
        self._identity, self._after = identity, list(after)
        self._store = None
        if isinstance(spec.files, BucketFiles) and keys is not None:
            self._store = Store(self, spec.files, key_arn=keys.arn("data"))
            acting.allow(self, "serve", self._store.may_read())
        self._selects = _selects(name)
        if not fenced:
            ways(self, spec.ways, selects=self._selects, port=server.PORT, namespace=self.namespace)
        self._serve()
        at_program_end(self._deploy)
        self.register_outputs({"trackingUri": self.tracking_uri})

    def variables(self, user: str = server.WRITER) -> list[dict[str, Any]]:
        """What a container of the namespace is given so that MLflow's client signs in as `writer` or `reader`.

        As the API writes it: the password comes from its Secret.
        """
        passwords = {server.WRITER: self.spec.passwords.writer, server.READER: self.spec.passwords.reader}
        if user not in passwords:
            problem, remedy = "is no user for programs", f"Use one of {', '.join(passwords)}."
            raise InputError(Fault(problem, remedy, self.written, user))
        return [
            {"name": "MLFLOW_TRACKING_URI", "value": self.tracking_uri},
            {"name": "MLFLOW_TRACKING_USERNAME", "value": user},
            passwords[user].variable("MLFLOW_TRACKING_PASSWORD"),
        ]

    def grant_log(self, grantee: Grantee) -> None:
        """Let `grantee` put files of runs into the bucket and read them; its containers get `variables("writer")`.

        Raises `InputError` where files don't lie in a bucket of S3: then the server alone decides, by user.
        """
        self._grant(grantee, "log", self._bucket.may_write())

    def grant_read(self, grantee: Grantee) -> None:
        """Let `grantee` read files of runs in the bucket; its containers get `variables("reader")`.

        Raises `InputError` where files don't lie in a bucket of S3: then the server alone decides, by user.
        """
        self._grant(grantee, "read", self._bucket.may_read())

    @property
    def _bucket(self) -> Store:
        if self._store is None:
            remedy = 'Give its containers variables("writer") or variables("reader"); the server keeps the files.'
            problem = "are nothing that AWS grants: the server alone reads and writes the store"
            raise InputError(Fault(problem, remedy, self.spec.source("files.kind"), "compatible"))
        return self._store

    def _grant(self, grantee: Grantee, intent: str, statements: Sequence[Statement]) -> None:
        store = self._bucket
        where = address(
            TrackingAddress,
            name=self.component,
            flavour="kubernetes",
            tracking_uri=self.tracking_uri,
            artifact_root=store.root,
            key_arn=store.key_arn,
        )
        identity_of(grantee).allow(self, intent, statements, [where])

    def _serve(self) -> None:
        """What stands before the pods, and what keeps one of them where there are several."""
        kubernetes.core.v1.Service(
            self.named("service"),
            metadata={"name": self.service, "namespace": self.namespace},
            spec={
                "type": "ClusterIP",
                "selector": self._selects,
                "ports": [{"name": PORT_NAME, "port": self._port, "target_port": PORT_NAME, "protocol": "TCP"}],
            },
            opts=self.options(),
        )
        kubernetes.policy.v1.PodDisruptionBudget(
            self.named("disruption"),
            metadata={"name": self.service, "namespace": self.namespace},
            spec={
                "max_unavailable": 1,
                "selector": {"match_labels": self._selects},
                "unhealthy_pod_eviction_policy": "AlwaysAllow",
            },
            opts=self.options(),
        )

    def _deploy(self) -> None:
        """The pods, once the grants of their account are written."""
        spec, parts = self.spec, self.host.split(".")
        template = {
            "metadata": {
                "labels": {**labels(self.context, self.component), **self._selects},
                "annotations": {PASSWORDS: str(spec.passwords.version)},
            },
            "spec": pod(
                spec,
                self._identity,
                selects=self._selects,
                region=self.context.region,
                hosts=[".".join(parts[:end]) for end in (1, 2, 3, len(parts))],
                root=self._store.root if self._store is not None else "",
            ),
        }
        wanted: dict[str, Any] = {
            "replicas": spec.count,
            "selector": {"matchLabels": self._selects},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "revisionHistoryLimit": 3,
            "template": template,
        }
        account = self._identity
        kubernetes.apps.v1.Deployment(
            self.written_at("server", spec.source()),
            metadata={"name": self.physical("kubernetes-workload"), "namespace": self.namespace},
            spec=cast("Any", wanted),
            opts=self.options(depends_on=[*self._after, *([account] if isinstance(account, pulumi.Resource) else [])]),
        )


def _selects(name: str) -> dict[str, str]:
    return {SERVER: label_value(name)}


def tracking_ways(
    component: Component, spec: WaysSpec, *, server_name: str, namespace: pulumi.Input[str], role: str = "tracking-ways"
) -> None:
    """The network policy of the server that a team calls `server_name`, as a child of `component` of the platform's.

    For namespaces that are fenced: no team opens its own fence.
    """
    ways(component, spec, selects=_selects(server_name), port=server.PORT, namespace=namespace, role=role)
