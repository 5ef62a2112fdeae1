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
from modelyard.core.errors import SpecError
from modelyard.core.notices import Notices
from modelyard.core.releasing import canonical
from modelyard.core.settle import at_program_end
from modelyard.foundation.keys import ENCRYPT_AND_DECRYPT, KeysLike, through_service
from modelyard.foundation.network import NetworkLike
from modelyard.run.serving.alarms import rollback_alarms
from modelyard.run.serving.checks import types_not_offered, unplaced
from modelyard.run.serving.kinds import Asynchronous, Instances, InstanceVariant, ServedBy, Serverless
from modelyard.run.serving.models import model, model_role, package_arn, placed_in
from modelyard.run.serving.release import released
from modelyard.run.serving.scaling import scale
from modelyard.run.serving.spec import EndpointSpec

SHADOW: Final = "shadow"
_DESCRIBE: Final = ("sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig")


class InferenceEndpoint(Component):
    """Models, a configuration named by its content, and the endpoint, which is updated in place.

    `registry` has the model, `lake` the zones for captured calls and answers; `network` may be absent where the spec
    stands in none. The containers act as `identity`, so `store.grant_read_online(endpoint, …)` is a grant to them.
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
            *(spec.unfit_for_production() if context.production else ()),
        ]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self.endpoint_name = self.physical("endpoint")
        self.arn = context.arn("sagemaker", f"endpoint/{self.endpoint_name}")
        self._lake, self._registry = lake, registry
        self._key = keys.arn("models")
        self.identity = model_role(
            self,
            logs=f"Endpoints/{self.endpoint_name}",
            in_network=spec.in_network,
            key_arn=self._key,
            written=spec.source(),
            statements=self._may_answer(),
        )
        registry.grant_pull(self.identity, models=[spec.model])
        notices = Notices(self, self._key, about="Endpoints")
        self.topic = notices.of(spec.owner)
        self._notices, self._network = notices, placed_in(network) if network is not None and spec.in_network else None
        self._models: dict[str, tuple[aws.sagemaker.Model, str]] = {}
        at_program_end(self._serve)
        self.register_outputs({"endpoint": self.endpoint_name, "topic": self.topic})

    def _serve(self) -> None:
        """Models, configuration and endpoint, when the policies of the role are written: SageMaker uses it at once."""
        spec = self.spec
        checked = released(
            self,
            self._registry,
            self.identity,
            model=spec.model,
            versions={
                version: spec.release.source("version") if version == spec.release.version else spec.source("served_by")
                for version in sorted(set(self.versions.values()))
            },
        )
        self._models = {
            part: model(
                self,
                part,
                package_arn(self._registry, spec.model, version),
                environment=spec.environment,
                isolated=spec.isolated,
                role=self.identity,
                network=self._network,
                after=checked,
            )
            for part, version in self.versions.items()
        }
        endpoint = self._endpoint(self._configuration())
        for variant, scaling in spec.scaled.items():
            scale(self, variant, scaling, name=self.endpoint_name, after=endpoint)

    @property
    def versions(self) -> dict[str, int]:
        """Which version each variant serves, the shadow's among them."""
        spec = self.spec
        found = {
            name: spec.release.version if variant is None or variant.version is None else variant.version
            for name, variant in spec.variants.items()
        }
        if isinstance(spec.served_by, Instances) and spec.served_by.shadow is not None:
            found[SHADOW] = spec.served_by.shadow.version
        return found

    def grant_invoke(self, grantee: Grantee) -> None:
        """Let `grantee` call the endpoint, and no other; an asynchronous one, put down what it calls with."""
        statements = [Statement(("sagemaker:InvokeEndpoint",), (self.arn,))]
        if isinstance(self.spec.served_by, Asynchronous):
            place = self.spec.served_by.output
            zone = self._lake.zone(place.zone)
            statements = [
                Statement(("sagemaker:InvokeEndpointAsync",), (self.arn,)),
                *zone.may_write(f"{place.prefix}/{self.component}/asked"),
                *zone.may_read(f"{place.prefix}/{self.component}/answered"),
            ]
        self._grant(grantee, "invoke", statements)

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
        return f"calls/{self.component}"

    def _grant(self, grantee: Grantee, intent: str, statements: Sequence[Statement]) -> None:
        found = address(
            EndpointAddress,
            name=self.component,
            endpoint=self.endpoint_name,
            served_by=self.spec.served_by.kind,
            capture=self._uri("capture", self.capture_prefix) if self.spec.captured else "",
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
        if self.spec.captured is not None:
            statements += self._lake.zone("capture").may_write(self.capture_prefix)
        if isinstance(self.spec.served_by, Asynchronous):
            place = self.spec.served_by.output
            zone = self._lake.zone(place.zone)
            statements += [
                *zone.may_read(f"{place.prefix}/{self.component}/asked"),
                *zone.may_write(f"{place.prefix}/{self.component}/answered"),
            ]
        if statements:
            statements.append(through_service(context, "s3", ENCRYPT_AND_DECRYPT, self._lake.key_arn))
        if self.spec.guarded is not None:
            statements.append(Statement(("cloudwatch:DescribeAlarms",), (alarms,)))
        return statements

    def _configuration(self) -> aws.sagemaker.EndpointConfiguration:
        """The configuration; any change makes another beside it, which is there before the old one goes."""
        spec = self.spec
        variants: list[Any] = [self._variant(name, variant) for name, variant in spec.variants.items()]
        shadows = self._shadows()
        content = canonical(
            {
                "variants": variants,
                "shadows": shadows,
                "capture": spec.captured.percent if spec.captured else 0,
                "answers": _answered(spec.served_by),
            }
        )
        return aws.sagemaker.EndpointConfiguration(
            self.named("configuration"),
            name=self.physical("endpoint-config", content=content),
            production_variants=variants,
            shadow_production_variants=shadows or None,
            kms_key_arn=self._key if self._takes_key() else None,
            data_capture_config=self._capture(),
            async_inference_config=self._answers(),
            opts=self.options(depends_on=[made for made, _ in self._models.values()]),
        )

    def _takes_key(self) -> bool:
        """Disks of types with local storage are encrypted by their hardware and take no key; serverless has none."""
        known = self.spec.instances()
        return bool(known) and not any(instance.local_nvme_gb for instance in known)

    def _variant(self, name: str, variant: InstanceVariant | None) -> dict[str, Any]:
        _, model_name = self._models[name]
        served: dict[str, Any] = {"variant_name": name, "model_name": model_name}
        if variant is None:
            assert isinstance(self.spec.served_by, Serverless)
            spec = self.spec.served_by
            config: dict[str, Any] = {"memory_size_in_mb": spec.memory_mib, "max_concurrency": spec.most_concurrent}
            if spec.ready:
                config["provisioned_concurrency"] = spec.ready
            return {**served, "initial_variant_weight": 1.0, "serverless_config": config}
        return {
            **served,
            "instance_type": variant.instance_type,
            "initial_instance_count": variant.instances,
            "initial_variant_weight": variant.initial_weight,
            **({"volume_size_in_gb": self.spec.volume_gib} if self.spec.volume_gib else {}),
        }

    def _shadows(self) -> list[Any]:
        served = self.spec.served_by
        if not isinstance(served, Instances) or served.shadow is None:
            return []
        _, model_name = self._models[SHADOW]
        (beside,) = served.variants.values()
        return [
            {
                "variant_name": SHADOW,
                "model_name": model_name,
                "instance_type": served.shadow.instance_type,
                "initial_instance_count": served.shadow.instances,
                "initial_variant_weight": beside.initial_weight * served.shadow.percent / 100,
            }
        ]

    def _capture(self) -> aws.sagemaker.EndpointConfigurationDataCaptureConfigArgsDict | None:
        wanted = self.spec.captured
        if wanted is None:
            return None
        return {
            "enable_capture": True,
            "initial_sampling_percentage": wanted.percent,
            "destination_s3_uri": self._uri("capture", self.capture_prefix),
            "kms_key_id": self._lake.key_arn,
            "capture_options": [{"capture_mode": "Input"}, {"capture_mode": "Output"}],
            "capture_content_type_header": {
                "csv_content_types": ["text/csv"],
                "json_content_types": ["application/json"],
            },
        }

    def _answers(self) -> aws.sagemaker.EndpointConfigurationAsyncInferenceConfigArgsDict | None:
        served = self.spec.served_by
        if not isinstance(served, Asynchronous):
            return None
        place = f"{served.output.prefix}/{self.component}/answered"
        return {
            "output_config": {
                "s3_output_path": self._uri(served.output.zone, f"{place}/"),
                "s3_failure_path": self._uri(served.output.zone, f"{place}/failed/"),
                "kms_key_id": self._lake.key_arn,
            },
            "client_config": {"max_concurrent_invocations_per_instance": served.per_instance},
        }

    def _endpoint(self, configuration: aws.sagemaker.EndpointConfiguration) -> aws.cloudformation.Stack:
        """The endpoint, in a stack: pulumi-aws can't say that counts and weights are to stay as they are."""
        spec, rollout = self.spec, self.spec.guarded
        properties: dict[str, Any] = {
            "EndpointName": self.endpoint_name,
            "EndpointConfigName": configuration.name,
            "RetainAllVariantProperties": True,
        }
        if spec.instances() and not spec.scaled:
            properties["ExcludeRetainedVariantProperties"] = [{"VariantPropertyType": "DesiredInstanceCount"}]
        if rollout is not None:
            alarms = rollback_alarms(
                self,
                rollout.rollback,
                name=self.endpoint_name,
                variants=list(spec.variants),
                notices=self._notices,
                owner=spec.owner,
            )
            properties["DeploymentConfig"] = {
                **rollout.policy(),
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm} for alarm in alarms]},
            }
        return in_a_stack(self, "endpoint", "AWS::SageMaker::Endpoint", properties)


def _answered(served: ServedBy) -> list[str | int]:
    """What a configuration says of an asynchronous endpoint's answers; nothing for other kinds."""
    if not isinstance(served, Asynchronous):
        return []
    return [served.output.zone, served.output.prefix, served.per_instance]
