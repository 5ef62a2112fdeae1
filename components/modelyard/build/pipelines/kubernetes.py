"""A training pipeline on a cluster: a WorkflowTemplate of Argo Workflows, what starts it, and what registers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from modelyard.build.data import DataLake
from modelyard.build.features import FeatureStore
from modelyard.build.pipelines.argo import Account, ClusterPlaces, workflow
from modelyard.build.pipelines.argo_checks import crontab
from modelyard.build.pipelines.checks import Ground, unfit
from modelyard.build.pipelines.granting import dataset_uris, let_work
from modelyard.build.pipelines.judging import gated, judged_prefix, judges, let_judge
from modelyard.build.pipelines.registering import registering
from modelyard.build.pipelines.registrar import REGISTRAR, REPORTER
from modelyard.build.pipelines.repositories import ImageRepositories
from modelyard.build.pipelines.spec import ArgoWorkflows, OnSchedule, PipelineSpec
from modelyard.build.registry import ModelRegistry
from modelyard.build.training import ClusterTrainingPool, JobIdentity
from modelyard.core.access import Grantee, Statement, address, identity_of
from modelyard.core.addresses import ClusterPipelineAddress
from modelyard.core.alerting import carried, tell
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, SpecError
from modelyard.core.functions import function_arn
from modelyard.core.kubernetes import custom
from modelyard.foundation.keys import ENCRYPT_AND_DECRYPT, KeysLike, through_service

ARGO: Final = "argoproj.io/v1alpha1"
_LATE_SECONDS: Final = 3600
"""How late a run may start whose time passed while nobody looked at the clock."""


class ClusterPipeline(Component):
    """Steps from data to a version that waits for approval, run as pods of one pool on Kubernetes.

    Steps run as the pool's account. `conductor`: an account that no program of the team's runs as; it calls what
    registers. `judge`: another, for the steps whose word counts for a gate; it may be absent where none does.
    `measured`: whether Prometheus looks at Argo's controller and takes rules of teams, so that the owner hears of runs
    that fail; else nobody does. Goes into a cluster by `opts=cluster.into()`. Raises `SpecError` with the faults of
    `spec`, and with those that show only where it stands.
    """

    CAPABILITY = "pipelines"

    def __init__(
        self,
        name: str,
        spec: PipelineSpec,
        *,
        context: Context,
        pool: ClusterTrainingPool,
        conductor: JobIdentity,
        lake: DataLake,
        keys: KeysLike,
        judge: JobIdentity | None = None,
        features: FeatureStore | None = None,
        registry: ModelRegistry | None = None,
        images: ImageRepositories | None = None,
        measured: bool = False,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        ground = Ground(pool, lake, features, registry, images)
        faults = list(unfit(spec, ground, context=context, listens=False))
        steps = {} if faults else gated(spec, registry)
        if steps and judge is None:
            step = next(iter(steps))
            faults.append(
                Fault(
                    "is trusted by gates, and nobody else than the pool's account would measure",
                    "Give the pipeline an account of its own for that (judge).",
                    spec.source(f"steps.{step}.report"),
                )
            )
        flavour = spec.flavour
        if faults or not isinstance(flavour, ArgoWorkflows):
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec, self.flavour = spec, flavour
        self.workflow_name: str = self.physical("kubernetes")
        """What runs name: `argo submit --from workflowtemplate/<name>`."""
        self._pool, self._lake, self._gated = pool, lake, steps
        self._conductor, self._judge = conductor, judge
        self._repositories = ground.repositories
        self._let_work(features)
        functions = registering(self, spec, steps, ground, key_arn=keys.arn("models"))
        if functions:
            conductor.identity.allow(self, "conduct", [Statement(("lambda:InvokeFunction",), functions)])
        template = custom(
            self,
            "workflow",
            api_version=ARGO,
            kind="WorkflowTemplate",
            name=self.workflow_name,
            namespace=pool.account.namespace,
            annotations={"workflows.argoproj.io/description": spec.description or f"Training pipeline {name}"},
            spec=self._template(),
        )
        self._schedule(template)
        if measured:
            self._tell_of_failures(template)
        self.register_outputs({"workflow": self.workflow_name})

    def grant_start(self, grantee: Grantee) -> None:
        """Tell `grantee` how runs are started, and let it find the cluster; RBAC says what its group may there."""
        self._tell(grantee, "start")

    def grant_read(self, grantee: Grantee) -> None:
        """Tell `grantee` where definition and runs are seen, and let it find the cluster; RBAC lets its group look."""
        self._tell(grantee, "read")

    def _tell(self, grantee: Grantee, intent: str) -> None:
        cluster = self._pool.cluster_name
        found = Statement(("eks:DescribeCluster",), (self.context.arn("eks", f"cluster/{cluster}"),))
        where = address(
            ClusterPipelineAddress,
            name=self.component,
            cluster=cluster,
            namespace=self._pool.account.namespace,
            template=self.workflow_name,
            parameters=",".join(("author", "commit", "snapshot", *self.spec.parameters)),
        )
        identity_of(grantee).allow(self, intent, [found], [where])

    def _let_work(self, features: FeatureStore | None) -> None:
        spec, pool, lake = self.spec, self._pool, self._lake
        judging = judges(self._gated)
        let_work(pool, [step for name, step in spec.jobs.items() if name not in judging], lake=lake, features=features)
        if self._judge is None or not self._gated:
            return
        role = self._judge.identity
        let_judge(role, self, pool=pool, lake=lake)
        role.allow(pool, "run", [through_service(self.context, "s3", ENCRYPT_AND_DECRYPT, lake.key_arn)])
        let_work(role, [step for name, step in spec.jobs.items() if name in judging], lake=lake, features=features)

    def _template(self) -> dict[str, Any]:
        """The template's spec; only where things lie is known after deployment alone, and that in its steps."""
        pool, context = self._pool, self.context
        output = pool.spec.output
        bucket = self._lake.zone(output.zone).bucket.bucket
        known: pulumi.Output[Any] = pulumi.Output.all(
            output=pool.places.output,
            judged=pulumi.Output.concat("s3://", bucket, f"/{judged_prefix(self, pool)}/"),
            datasets=dataset_uris(self._lake),
            worker=pool.account.service_account,
            conductor=self._conductor.service_account,
            judge=self._judge.service_account if self._judge is not None else "",
            namespace=pool.account.namespace,
        )

        def written(found: Mapping[str, Any]) -> dict[str, Any]:
            judge = self._judge
            places = ClusterPlaces(
                pipeline=self.component,
                namespace=found["namespace"],
                region=context.region,
                worker=Account(found["worker"], pool.identity.resources_path),
                conductor=Account(found["conductor"], self._conductor.identity.resources_path),
                judge=Account(found["judge"], judge.identity.resources_path) if judge is not None else None,
                output=found["output"],
                judged=found["judged"],
                judges=judges(self._gated),
                datasets=found["datasets"],
                repositories=self._repositories,
                registrar=function_arn(self, REGISTRAR),
                reporter=function_arn(self, REPORTER),
                gated=frozenset(self._gated),
            )
            return workflow(self.spec, self.flavour, pool.spec, pool.machines, places)

        def part(key: str) -> pulumi.Output[Any]:
            return known.apply(lambda found: written(found)[key])

        return {key: part(key) for key in _PARTS}

    def _schedule(self, template: pulumi.Resource) -> None:
        for name, trigger in self.spec.triggers.items():
            assert isinstance(trigger, OnSchedule), "other triggers are refused before"
            role = f"{name}-schedule"
            self.written_at(role, trigger.source())
            custom(
                self,
                role,
                api_version=ARGO,
                kind="CronWorkflow",
                name=self.physical("kubernetes", name),
                namespace=self._pool.account.namespace,
                spec={
                    "schedules": [crontab(trigger.expression)],
                    "timezone": "Etc/UTC",
                    "concurrencyPolicy": "Forbid",
                    "startingDeadlineSeconds": _LATE_SECONDS,
                    "workflowSpec": {"workflowTemplateRef": {"name": self.workflow_name}},
                },
                after=[template],
            )

    def _tell_of_failures(self, template: pulumi.Resource) -> None:
        """Runs that end badly become an alert to the owner; a run that goes well afterwards doesn't take it back."""
        about, owner, namespace = {"pipeline": self.component}, self.spec.owner, self._pool.account.namespace
        labels = carried(self, about=about, owner=owner, namespace=namespace)
        rule = {
            "alert": "PipelineFailed",
            "expr": _failed(namespace, self.workflow_name),
            "labels": {**labels, "severity": "critical"},
            "annotations": {
                "summary": f"A run of the pipeline {self.component} failed: kubectl -n {namespace} get workflows -l "
                f"workflows.argoproj.io/workflow-template={self.workflow_name}"
            },
        }
        tell(self, [rule], about=about, owner=owner, namespace=namespace, after=[template])


def _failed(namespace: str, template: str) -> str:
    """Something, as long as a run failed within the last minutes.

    A count that Prometheus sees for the first time has grown from nothing, which `increase` doesn't say.
    """
    where = f'namespace="{namespace}",name="{template}",phase=~"Failed|Error"'
    runs = f"argo_workflows_workflowtemplate_triggered_total{{{where}}}"
    return f"sum(increase({runs}[15m])) > 0 or (sum({runs}) > 0 unless sum({runs} offset 15m) > 0)"


_PARTS: Final = (
    "arguments",
    "automountServiceAccountToken",
    "entrypoint",
    "parallelism",
    "podGC",
    "podMetadata",
    "serviceAccountName",
    "templates",
    "ttlStrategy",
)
"""The keys of the template's spec."""
