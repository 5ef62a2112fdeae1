"""An endpoint of language models on SageMaker: machines with GPUs that several models share, copy by copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pulumi

from modelyard.build.registry import ModelRegistry
from modelyard.core.access import Grantee, Statement, address, identity_of
from modelyard.core.actions import WRITE_LOGS
from modelyard.core.addresses import LanguageModelAddress
from modelyard.core.cloudcontrol import in_a_stack
from modelyard.core.component import Component, Transform
from modelyard.core.context import Context
from modelyard.core.errors import Fault, InputError, SpecError
from modelyard.core.notices import Notices
from modelyard.core.settle import at_program_end
from modelyard.foundation.keys import KeysLike
from modelyard.foundation.network import NetworkLike
from modelyard.run.serving.alarms import error_alarm
from modelyard.run.serving.checks import unplaced
from modelyard.run.serving.components import (
    Host,
    Needs,
    host_configuration,
    inference_component,
    scale_copies,
)
from modelyard.run.serving.kinds import ONLY
from modelyard.run.serving.llm_spec import LanguageModelSpec
from modelyard.run.serving.models import model, model_role, package_arn, placed_in
from modelyard.run.serving.release import released

_INVOKE: Final = ("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream")


class LanguageModelEndpoint(Component):
    """Machines without a model in their configuration, and an inference component for each model.

    `registry` has the models, whose versions name image and weights; `network` may be absent where the spec stands in
    none. Raises `SpecError` with all faults.
    """

    CAPABILITY = "serving"

    def __init__(
        self,
        name: str,
        spec: LanguageModelSpec,
        *,
        context: Context,
        registry: ModelRegistry,
        keys: KeysLike,
        network: NetworkLike | None = None,
        transform: Mapping[str, Transform] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        faults = [
            *spec.all_faults(),
            *spec.unfit_for(context.region),
            *_unknown(spec, registry, without_network=spec.vpc and network is None),
            *(spec.unfit_for_production() if context.production else ()),
        ]
        if faults:
            raise SpecError(*faults)
        super().__init__(name, spec, context=context, transform=transform, opts=opts)
        self.spec = spec
        self.endpoint_name = self.physical("endpoint")
        self.arn = context.arn("sagemaker", f"endpoint/{self.endpoint_name}")
        self.components = {served: self.physical("inference-component", served) for served in spec.models}
        self._registry, self._key = registry, keys.arn("models")
        self._network = placed_in(network) if network is not None and spec.vpc else None
        prefix = "-".join((*context.names.owner, ""))
        logs = context.arn("logs", f"log-group:/aws/sagemaker/InferenceComponents/{prefix}*")
        self.identity = model_role(
            self,
            logs=f"Endpoints/{self.endpoint_name}",
            in_network=spec.vpc,
            key_arn=self._key,
            written=spec.source(),
            statements=[Statement(WRITE_LOGS, (logs,))],
        )
        registry.grant_pull(self.identity, models=sorted({served.model for served in spec.models.values()}))
        self.topic = Notices(self, self._key, about="Endpoints").of(spec.owner)
        at_program_end(self._serve)
        self.register_outputs(
            {"endpoint": self.endpoint_name, "components": dict(self.components), "topic": self.topic}
        )

    def grant_invoke(self, grantee: Grantee, *, models: Sequence[str] | None = None) -> None:
        """Let `grantee` call `models`, at once or as a stream, and no other. Absent: all models of the endpoint."""
        chosen = self._known(models)
        arns = tuple(self.context.arn("sagemaker", f"inference-component/{self.components[name]}") for name in chosen)
        addresses = [
            address(
                LanguageModelAddress,
                name=f"{self.component}/{name}",
                endpoint=self.endpoint_name,
                component=self.components[name],
                model=name,
            )
            for name in chosen
        ]
        statements = [Statement(_INVOKE, (self.arn, *arns))] if chosen else []
        identity_of(grantee).allow(self, "invoke", statements, addresses)

    def _known(self, models: Sequence[str] | None) -> list[str]:
        chosen = sorted(self.components) if models is None else sorted(models)
        has, where = ", ".join(self.components), self.written.at("models")
        faults = [
            Fault("is no model of this endpoint", f"It has {has}.", where, name)
            for name in chosen
            if name not in self.components
        ]
        if faults:
            raise InputError(*faults)
        return chosen

    def _serve(self) -> None:
        """Configuration, endpoint and components, when the policies of the role are written."""
        spec, machine = self.spec, self.spec.machine
        assert machine is not None
        configuration, made = host_configuration(
            self,
            "configuration",
            Host(
                variant=ONLY,
                instance_type=spec.instance_type,
                least=spec.machines.least,
                most=spec.machines.most,
                isolated=spec.network_isolation,
                role_arn=self.identity.arn,
                network=self._network,
                key_arn=None if machine.local_nvme_gb else self._key,
                volume_gib=spec.volume_gib,
            ),
            depends_on=[self.identity],
        )
        properties = {
            "EndpointName": self.endpoint_name,
            "EndpointConfigName": configuration,
            "RetainAllVariantProperties": True,
        }
        endpoint = in_a_stack(self, "endpoint", "AWS::SageMaker::Endpoint", properties, depends_on=[made])
        for name in spec.models:
            self._component(name, endpoint)

    def _component(self, name: str, endpoint: pulumi.Resource) -> None:
        spec, served = self.spec, self.spec.models[name]
        version = served.release.version
        checked = released(
            self,
            self._registry,
            self.identity,
            model=served.model,
            versions={version: served.release.source("version")},
        )
        made, _ = model(
            self,
            name,
            package_arn(self._registry, served.model, version),
            environment={**spec.variables(name), **served.environment},
            isolated=spec.network_isolation,
            role=self.identity,
            network=self._network,
            after=checked,
        )
        called, component = inference_component(
            self,
            name,
            endpoint=self.endpoint_name,
            variant=ONLY,
            model=made.name,
            needs=Needs(
                gpus=served.gpus,
                memory_mib=spec.memory_mib(name),
                download_seconds=served.download_seconds,
                start_seconds=served.start_seconds,
            ),
            depends_on=[endpoint],
        )
        scale_copies(self, name, served.copies, name=called, after=component)
        dimensions = {"InferenceComponentName": called}
        error_alarm(self, name, called, dimensions, percent=spec.error_percent, topic=self.topic)


def _unknown(spec: LanguageModelSpec, registry: ModelRegistry, *, without_network: bool) -> list[Fault]:
    """Models that the registry hasn't, and a network that is missing."""
    found: list[Fault] = []
    for served in spec.models.values():
        found += unplaced(served, served.model, models=registry.spec.models, zones=(), wanted={}, without_network=False)
    if without_network:
        found.append(
            spec.fault("vpc", "needs a network, and there is none", 'Give a network, or say "vpc: false".', True)
        )
    return found
