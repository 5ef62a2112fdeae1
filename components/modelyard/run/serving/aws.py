"""An inference endpoint on SageMaker: models change behind a name that stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.data import DataLake
from modelyard.build.registry import ModelRegistry
from modelyard.core.access import Grantee, Statement, address, identity_of
from modelyard.core.addresses import EndpointAddress
from modelyard.core.cloudcontrol import in_a_stack
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import InputError, SpecError
from modelyard.core.notices import Notices
from modelyard.core.settle import at_program_end
from modelyard.foundation.keys import ENCRYPT_AND_DECRYPT, KeysLike, through_service
from modelyard.foundation.network import NetworkLike
from modelyard.foundation.secrets import Secrets
from modelyard.run.serving.alarms import alarm_names, rollback_alarms
from modelyard.run.serving.capture import Capture, unredactable
from modelyard.run.serving.checks import types_not_offered, unplaced
from modelyard.run.serving.kinds import Asynchronous, MultiModel
from modelyard.run.serving.many import chosen, container, may_call, nothing_else, targets, unknown_models
from modelyard.run.serving.models import model_from, model_request, model_role, package_arn, placed_in
from modelyard.run.serving.release import all_released, released
from modelyard.run.serving.requests import (
    Places,
    answered,
    arguments,
    configuration,
    content,
    not_retained,
    own_versions,
    parts,
)
from modelyard.run.serving.scaling import scale
from modelyard.run.serving.shapes import Drawn, hash_of, keep, may_promote
from modelyard.run.serving.spec import DeclaredRelease, EndpointSpec, LoopRelease
from modelyard.run.serving.standing import standing

_DESCRIBE: Final = ("sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig")


class InferenceEndpoint(Component):
    """Models, a configuration named by its content, and the endpoint, which is updated in place.

    `registry` has the model, `lake` the zones for captured calls and answers; `network` may be absent where the spec
    stands in none, `secrets` where no captured value is hashed. The containers act as `identity`, so
    `store.grant_read_online(endpoint, …)` is a grant to them.
    Raises `SpecError` with all faults.
    """

    CAPABILITY = "serving"

    def __init__(
        self,
        name: str,
        spec: EndpointSpec,
        *,
        context: Context,
        registry: ModelRegistry,
        lake: DataLake,
        keys: KeysLike,
        network: NetworkLike | None = None,
        secrets: Secrets | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults = [
            *spec.all_faults(),
            *types_not_offered(spec, context.region),
            *unplaced(
                spec,
                spec.model,
                models=registry.spec.models,
                zones=lake.zones,
                wanted=spec.zones,
                without_network=spec.in_network and network is None,
            ),
            *unknown_models(spec, list(registry.spec.models)),
            *unredactable(spec, lake, secrets),
            *(spec.unfit_for_production() if context.production else ()),
        ]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec, self._capture = spec, Capture(self, spec, lake=lake, secrets=secrets)
        self.endpoint_name = self.physical("endpoint")
        self.arn = context.arn("sagemaker", f"endpoint/{self.endpoint_name}")
        self._lake, self._registry, self.targets = lake, registry, targets(spec)
        self._key = keys.arn("models")
        self.identity = model_role(
            self,
            logs=f"Endpoints/{self.endpoint_name}",
            in_network=spec.in_network,
            key_arn=self._key,
            written=spec.source(),
            statements=self._may_answer(),
        )
        registry.grant_pull(self.identity, models=sorted({spec.model, *(each.model for each in self.targets.values())}))
        self.topic = Notices(self, self._key, about="Endpoints").of(spec.owner)
        self._capture.start(self.identity, endpoint_name=self.endpoint_name, key_arn=self._key, topic=self.topic)
        self._network = placed_in(network) if network is not None and spec.in_network else None
        self._standing = standing(self, spec)
        at_program_end(self._serve)
        self.register_outputs(
            {"endpoint": self.endpoint_name, "topic": self.topic, "exists": self.exists, "awaits": self.awaits}
        )

    @property
    def exists(self) -> bool:
        """Whether anything serves: not before the loop's first release."""
        return self._standing.version is not None

    @property
    def awaits(self) -> str:
        """What is still to come before anything serves; empty where something does."""
        if self.exists:
            return ""
        spec = self.spec
        return f"the loop's first release of {spec.model}: retrain it (yard retrain), then deploy again"

    @property
    def alarm_names(self) -> list[str]:
        """The alarms that take a rollout back, by name; none before anything serves."""
        rollout = self.spec.guarded
        return alarm_names(self, rollout.rollback, list(self.spec.variants)) if rollout and self.exists else []

    def _serve(self) -> None:
        """Models, configuration and endpoint, when the policies of the role are written: SageMaker uses it at once."""
        if self._standing.version is None:
            return
        drawn, alarms = self._drawn(), self._alarms()
        base = self._standing.base(hash_of(self.spec, drawn))
        assert base is not None
        made = self._made(drawn, base)
        configuration = aws.sagemaker.EndpointConfiguration(
            self.named("configuration"),
            **self._configuration_arguments({part: name for part, (_, name) in made.items()}),
            opts=self.options(depends_on=[model for model, _ in made.values()]),
        )
        endpoint = self._endpoint(configuration, drawn, alarms)
        for variant, scaling in self.spec.scaled.items():
            scale(self, variant, scaling, name=self.endpoint_name, after=endpoint)
        if isinstance(self.spec.release, LoopRelease):
            keep(self, self.spec, drawn, base=base, after=endpoint)

    def _drawn(self) -> Drawn:
        """What is deployed, less the version."""
        spec, names = self.spec, {part: part for part in parts(self.spec)}
        environment = {**self._capture.environment(self.endpoint_name), **spec.environment}
        many = container(spec.served_by, self._registry) if isinstance(spec.served_by, MultiModel) else None
        asked = model_request(
            self.identity, environment=environment, isolated=spec.isolated, network=self._network, container=many
        )
        rollout, deployment = spec.guarded, None
        if rollout is not None:
            watched = alarm_names(self, rollout.rollback, list(spec.variants))
            deployment = {
                **rollout.policy(),
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm} for alarm in watched]},
            }
        return Drawn(
            endpoint=self.endpoint_name,
            role=self.identity.arn,
            packages=str(self._registry.facts(spec.model)["packages"]),
            models=dict.fromkeys(names, asked),
            configuration=configuration(spec, names, self._places()),
            deployment=deployment,
            tags=self.context.tags_for(self.component),
        )

    def _made(self, drawn: Drawn, base: int) -> dict[str, tuple[aws.sagemaker.Model, str]]:
        """The models and their names by part, once every version is seen to be released."""
        spec = self.spec
        if self.targets:
            checked = all_released(self, self._registry, self.identity, targets=list(self.targets.values()))
            after = checked or [self.identity]
            return {part: model_from(self, part, None, request, after=after) for part, request in drawn.models.items()}
        versions = dict.fromkeys(drawn.models, base) | own_versions(spec)
        named = "release.version" if isinstance(spec.release, DeclaredRelease) else "release.kind"
        checked = released(
            self,
            self._registry,
            self.identity,
            model=spec.model,
            versions={
                version: spec.source(named) if version == base else spec.source("served_by")
                for version in sorted(set(versions.values()))
            },
        )
        return {
            part: model_from(
                self,
                part,
                package_arn(self._registry, spec.model, versions[part]),
                request,
                after=checked or [self.identity],
            )
            for part, request in drawn.models.items()
        }

    def grant_invoke(self, grantee: Grantee, *, models: Sequence[str] | None = None) -> None:
        """Let `grantee` call the endpoint, and no other; an asynchronous one, put down what it calls with.

        `models`: which of many, by the names in the file. Absent: all. Raises `InputError` for names that there aren't.
        """
        found = chosen(self.spec, models)
        statements = [may_call(self.arn, found) if found else Statement(("sagemaker:InvokeEndpoint",), (self.arn,))]
        if isinstance(self.spec.served_by, Asynchronous):
            place = self.spec.served_by.output
            zone = self._lake.zone(place.zone)
            statements = [
                Statement(("sagemaker:InvokeEndpointAsync",), (self.arn,)),
                *zone.may_write(f"{place.prefix}/{self.component}/asked"),
                *zone.may_read(f"{place.prefix}/{self.component}/answered"),
            ]
        self._grant(grantee, "invoke", statements)

    def grant_promote(self, grantee: Grantee) -> None:
        """Let `grantee` bring versions by itself, as the retraining loop does, in the recorded shape.

        Raises `InputError` where the file names the version.
        """
        spec = self.spec
        if not isinstance(spec.release, LoopRelease):
            remedy = 'Say "release: {kind: loop}".'
            raise InputError(spec.fault("release.kind", "is the file's to change, not a loop's", remedy, "declared"))
        self._grant(grantee, "promote", may_promote(self, self.arn, self.identity.arn, self._key))

    def grant_read(self, grantee: Grantee) -> None:
        """Let `grantee` see what the endpoint runs and how it is."""
        configurations = self.context.arn("sagemaker", f"endpoint-config/{self.endpoint_name}*")
        self._grant(grantee, "read", [Statement(_DESCRIBE, (self.arn, configurations))])

    def grant_read_capture(self, grantee: Grantee) -> None:
        """Let `grantee` read what is kept of requests and answers."""
        statements = self._lake.zone("capture").may_read(self.capture_prefix) if self.spec.captured else []
        self._grant(grantee, "read the capture of", statements)

    @property
    def capture_prefix(self) -> str:
        """Where captured calls lie in the capture zone."""
        return self._capture.kept

    def _grant(self, grantee: Grantee, intent: str, statements: Sequence[Statement]) -> None:
        many = ",".join(f"{name}={each.called}" for name, each in self.targets.items())
        found = address(
            EndpointAddress,
            name=self.component,
            endpoint=self.endpoint_name,
            served_by=self.spec.served_by.kind,
            capture=self._uri("capture", self.capture_prefix) if self.spec.captured else "",
            **({"target_models": many} if many else {}),
        )
        identity_of(grantee).allow(self, intent, statements, [found])

    def _uri(self, zone: Any, prefix: str) -> pulumi.Output[str]:
        return pulumi.Output.concat("s3://", self._lake.zone(zone).bucket.bucket, f"/{prefix}")

    def _may_answer(self) -> list[Statement]:
        """What the kind needs beyond: captured calls and answers are written, and a rollout looks at its alarms.

        Source: sagemaker/latest/dg/deployment-guardrails-configuration, "Prerequisites".
        """
        context = self.context
        alarms = context.arn("cloudwatch", f"alarm:{'-'.join((*context.names.owner, ''))}*")
        statements: list[Statement] = []
        statements += self._capture.may_write()
        if isinstance(self.spec.served_by, Asynchronous):
            place = self.spec.served_by.output
            zone = self._lake.zone(place.zone)
            statements += [
                *zone.may_read(f"{place.prefix}/{self.component}/asked"),
                *zone.may_write(f"{place.prefix}/{self.component}/answered"),
            ]
        if self.targets:
            statements.append(nothing_else(self.targets, self._registry))
        if statements:
            statements.append(through_service(context, "s3", ENCRYPT_AND_DECRYPT, self._lake.key_arn))
        if self.spec.guarded is not None:
            statements.append(Statement(("cloudwatch:DescribeAlarms",), (alarms,)))
        return statements

    def _configuration_arguments(self, models: Mapping[str, str]) -> dict[str, Any]:
        """Any change makes another configuration beside the old one, which goes after."""
        asked = configuration(self.spec, models, self._places())
        name = self.physical("endpoint-config", content=content(asked, answered(self.spec)))
        key = asked.pop("KmsKeyId", None)
        return {"name": name, "kms_key_arn": key, **arguments(asked)}

    def _places(self) -> Places:
        served, answers = self.spec.served_by, pulumi.Output.from_input("")
        if isinstance(served, Asynchronous):
            answers = self._uri(served.output.zone, f"{served.output.prefix}/{self.component}/answered/")
        calls = self._capture.uri(self._capture.written) if self.spec.captured else ""
        return Places(calls=calls, answers=answers, disks_key=self._key, data_key=self._lake.key_arn)

    def _alarms(self) -> list[aws.cloudwatch.MetricAlarm]:
        rollout = self.spec.guarded
        if rollout is None:
            return []
        return rollback_alarms(
            self,
            rollout.rollback,
            name=self.endpoint_name,
            variants=list(self.spec.variants),
            topic=self.topic,
        )

    def _endpoint(
        self,
        configuration: aws.sagemaker.EndpointConfiguration,
        drawn: Drawn,
        alarms: Sequence[aws.cloudwatch.MetricAlarm],
    ) -> aws.cloudformation.Stack:
        """The endpoint, in a stack: pulumi-aws can't say that counts and weights are to stay as they are."""
        properties: dict[str, Any] = {
            "EndpointName": self.endpoint_name,
            "EndpointConfigName": configuration.name,
            "RetainAllVariantProperties": True,
        }
        anew = not_retained(self.spec)
        if anew:
            properties["ExcludeRetainedVariantProperties"] = [{"VariantPropertyType": each} for each in anew]
        if drawn.deployment is not None:
            properties["DeploymentConfig"] = drawn.deployment
        return in_a_stack(self, "endpoint", "AWS::SageMaker::Endpoint", properties, depends_on=alarms)
