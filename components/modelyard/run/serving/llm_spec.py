"""What a team's file says about language models: their machines, the GPUs of each copy, how copies come and go."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.build.training import InstanceType
from modelyard.core.errors import Fault
from modelyard.core.instances import Instance, InstanceCatalogue
from modelyard.core.spec import Email, Name, Spec
from modelyard.run.serving.checks import not_offered, type_faults
from modelyard.run.serving.spec import DeclaredRelease, Variable

Server = Literal["vllm", "lmi"]
WEIGHTS_AT: Final = "/opt/ml/model"
"""Where SageMaker puts what the version's prefix holds (sagemaker/latest/dg/large-model-inference-uncompressed)."""
_HALF: Final = 0.5
_MIB: Final = 1024


class MachinesSpec(Spec):
    """How many machines there are; SageMaker adds and releases them as copies need room."""

    least: int = Field(
        default=0,
        ge=0,
        le=100,
        description="Machines at least. None: with no copy there is no machine, and a GPU is dear.",
    )
    most: int = Field(default=1, ge=1, le=100, description="Machines at most: what the endpoint costs at most.")

    def check(self) -> Iterator[Fault]:
        """A least above the most is refused."""
        if self.least > self.most:
            yield self.fault("least", f"is more than most, {self.most}", f"Use {self.most} or fewer.", self.least)


class CopiesSpec(Spec):
    """How many copies of a model there are, by load."""

    least: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Copies at least. None: the first call of a while fails, and wakes one, which takes minutes.",
    )
    most: int = Field(default=1, ge=1, le=1000, description="Copies at most.")
    concurrency: float = Field(
        default=8.0,
        gt=0,
        description="Calls at a time that each copy is to have. Eight: a server that batches answers as many at little "
        "more than the time of one; a load test knows better.",
    )
    in_seconds: int = Field(
        default=600, ge=0, le=3600, description="Seconds between taking copies away. Ten minutes: a copy loads slowly."
    )
    out_seconds: int = Field(default=60, ge=0, le=3600, description="Seconds between adding copies. A minute.")

    def check(self) -> Iterator[Fault]:
        """A least above the most is refused."""
        if self.least > self.most:
            yield self.fault("least", f"is more than most, {self.most}", f"Use {self.most} or fewer.", self.least)


class ServedModelSpec(Spec):
    """A version of a model, and what each copy of it takes."""

    model: Name = Field(description="The model of the registry that is served.")
    release: DeclaredRelease = Field(description="Which version: kind declared.")
    weights_gib: float = Field(
        gt=0, le=4096, description="GiB of its weights as they are loaded: parameters times bytes of each."
    )
    overhead: float = Field(
        default=0.3,
        ge=0,
        le=5,
        description="What it needs beside the weights, as their share: the cache of attention and what is being "
        "computed. Three tenths: short contexts; long ones need more.",
    )
    gpus: int = Field(
        default=1,
        ge=1,
        le=16,
        description="GPUs of each copy, among which its weights are split (tensor parallel). One: no traffic between "
        "GPUs.",
    )
    memory_mib: int | None = Field(
        default=None,
        ge=128,
        description="MiB of the machine's memory for each copy. Absent: half of what its GPUs' share would be, so "
        "that copies are placed by their GPUs.",
    )
    context_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Tokens of question and answer together. Absent: what the model was made for, which may not fit.",
    )
    copies: CopiesSpec = Field(default_factory=CopiesSpec, description="How many copies. Absent: none or one.")
    download_seconds: int = Field(
        default=1800, ge=60, le=3600, description="Seconds that loading the weights may take. Half an hour."
    )
    start_seconds: int = Field(
        default=1200, ge=60, le=3600, description="Seconds until the server must answer. Twenty minutes: it warms up."
    )
    environment: dict[Variable, Annotated[str, StringConstraints(max_length=1024)]] = Field(
        default_factory=dict, max_length=80, description="Further variables of the server. No secrets."
    )

    @property
    def needed_gib(self) -> float:
        """GiB of GPU memory of a copy."""
        return self.weights_gib * (1 + self.overhead)


class LanguageModelSpec(Spec):
    """An endpoint of language models: machines with GPUs, and models that share them."""

    flavour: Literal["sagemaker"] = Field(
        default="sagemaker", description="They are served by SageMaker, which asks for no cluster."
    )
    owner: Email = Field(description="Who hears of its alarms.")
    server: Server = Field(
        default="vllm",
        description="Which server the versions' images hold: vllm, or lmi (DJL's). Both answer as OpenAI's API does.",
    )
    instance_type: InstanceType = Field(description="Such as ml.g6e.2xlarge; one with GPUs.")
    machines: MachinesSpec = Field(
        default_factory=MachinesSpec, description="How many machines. Absent: none while nobody calls, then one."
    )
    models: dict[Name, ServedModelSpec] = Field(
        min_length=1, max_length=40, description="The models that share the machines, by what callers call them."
    )
    vpc: bool = Field(default=True, description="Whether it stands in the network's private subnets.")
    network_isolation: bool = Field(
        default=True, description="Whether its containers reach no network at all. Yes: weights come from the registry."
    )
    volume_gib: int | None = Field(
        default=None, ge=1, le=512, description="GiB of each machine's disk. Absent: what the type comes with."
    )
    error_percent: float = Field(
        default=1.0, gt=0, le=100, description="Percent of calls answered by a server error (5xx) that raise an alarm."
    )
    without_spare_because: str = Field(
        default="",
        max_length=256,
        description="Why production gets by with fewer than two machines and copies. Absent: it has two.",
    )

    def check(self) -> Iterator[Fault]:
        """A type without GPUs, copies that don't fit, and variables that two set."""
        yield from type_faults(self, "instance_type", self.instance_type)
        machine = self.machine
        if machine is not None and not machine.gpus:
            near = ", ".join(found.sagemaker for found in _smallest(min(m.needed_gib for m in self.models.values())))
            yield self.fault(
                "instance_type", "has no GPU", f"Take one that has: {near or 'see the catalogue'}.", self.instance_type
            )
        elif machine is not None:
            for name, served in self.models.items():
                yield from _unfit(served, name, machine)
            yield from self._crowded(machine)
        for name, served in self.models.items():
            for variable in sorted(served.environment.keys() & self.variables(name).keys()):
                yield served.fault(
                    f"environment.{variable}",
                    "is set by what is said of the model",
                    "Remove it.",
                    served.environment[variable],
                )

    @property
    def machine(self) -> Instance | None:
        """What is known of its machines."""
        return InstanceCatalogue.shipped().get(self.instance_type)

    def variables(self, name: str) -> dict[str, str]:
        """What the server of a model is told, as its image reads it.

        Sources: vLLM's SageMaker entry point (`SM_VLLM_*` become its arguments); DJL's "Container and Model
        Configurations" (`OPTION_*`).
        """
        served = self.models[name]
        tokens = {} if served.context_tokens is None else {"MAX_MODEL_LEN": str(served.context_tokens)}
        offline = {"HF_HUB_OFFLINE": "1"}
        if self.server == "vllm":
            said = {"MODEL": WEIGHTS_AT, "SERVED_MODEL_NAME": name, "TENSOR_PARALLEL_SIZE": str(served.gpus), **tokens}
            return {**offline, **{f"SM_VLLM_{key}": value for key, value in said.items()}}
        said = {"TENSOR_PARALLEL_DEGREE": str(served.gpus), **tokens}
        options = {f"OPTION_{key}": value for key, value in said.items()}
        return {**offline, "HF_MODEL_ID": WEIGHTS_AT, "SERVING_FAIL_FAST": "true", **options}

    def memory_mib(self, name: str) -> int:
        """MiB of the machine's memory for each copy of a model."""
        served, machine = self.models[name], self.machine
        if served.memory_mib is not None:
            return served.memory_mib
        if machine is None or not machine.gpus:
            return _MIB
        return int(machine.memory_gib * _MIB * served.gpus / machine.gpus * _HALF)

    def unfit_for(self, region: str) -> Iterator[Fault]:
        """A type that `region` isn't known to sell."""
        yield from not_offered(self, "instance_type", self.instance_type, region)

    def unfit_for_production(self) -> Iterator[Fault]:
        """What production asks for beyond: a second machine and copy, so that one may fail, or a reason."""
        if self.without_spare_because:
            return
        remedy = 'Use 2 or more, or say why one is enough ("without_spare_because").'
        problem = "leaves none when one fails, and this is production (Security Hub SageMaker.4)"
        if self.machines.least < 2:
            yield self.fault("machines.least", problem, remedy, self.machines.least)
        for name, served in self.models.items():
            if served.copies.least < 2:
                yield self.fault(f"models.{name}.copies.least", problem, remedy, served.copies.least)

    def _crowded(self, machine: Instance) -> Iterator[Fault]:
        asked = {name: served.copies.most * served.gpus for name, served in self.models.items()}
        there = self.machines.most * machine.gpus
        if sum(asked.values()) > there:
            said = ", ".join(f"{name} {count}" for name, count in asked.items())
            needed = math.ceil(sum(asked.values()) / machine.gpus)
            yield self.fault(
                "machines.most",
                f"gives {there} GPUs, and all copies together ask for {sum(asked.values())} ({said})",
                f"Use {needed} or more, or fewer copies.",
                self.machines.most,
            )


def _unfit(served: ServedModelSpec, name: str, machine: Instance) -> Iterator[Fault]:
    """Why a copy has no place on the machine."""
    if served.gpus > machine.gpus or machine.gpus % served.gpus:
        fits = ", ".join(str(count) for count in range(1, machine.gpus + 1) if not machine.gpus % count)
        yield served.fault(
            "gpus",
            f"doesn't divide the {machine.gpus} GPUs of {machine.sagemaker}",
            f"Use one of: {fits}.",
            served.gpus,
        )
        return
    each = machine.accelerator_memory_gib / machine.gpus
    if served.needed_gib > each * served.gpus:
        more = [
            count
            for count in range(served.gpus + 1, machine.gpus + 1)
            if not machine.gpus % count and each * count >= served.needed_gib
        ]
        others = ", ".join(found.sagemaker for found in _smallest(served.needed_gib))
        yield served.fault(
            "weights_gib",
            f"needs {served.needed_gib:.1f} GiB with what is beside the weights, and {served.gpus} GPU of "
            f"{machine.sagemaker} has {each * served.gpus:.1f}",
            f"Use {more[0]} GPUs for each copy." if more else f"Take a larger type, such as {others or 'none known'}.",
            served.weights_gib,
        )
    if served.memory_mib is not None and served.memory_mib > machine.memory_gib * _MIB:
        yield served.fault(
            "memory_mib",
            f"is more than {machine.sagemaker} has, {machine.memory_gib * _MIB:.0f}",
            "Use less.",
            served.memory_mib,
        )


def _smallest(needed_gib: float) -> list[Instance]:
    """Three hosting types whose GPUs together hold so much, the least memory first."""
    catalogue: Mapping[str, Instance] = InstanceCatalogue.shipped()
    fit = [found for found in catalogue.values() if found.hosts and found.gpus]
    enough = [found for found in fit if found.accelerator_memory_gib >= needed_gib]
    return sorted(enough, key=lambda found: (found.accelerator_memory_gib, found.vcpus, found.name))[:3]
