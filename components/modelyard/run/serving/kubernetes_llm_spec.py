"""What a team's file says of a language model on Kubernetes: its server, its GPUs, and how it is reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from modelyard.core.errors import Fault
from modelyard.core.releases import Digest
from modelyard.core.spec import Email, Name, Spec
from modelyard.run.serving.kubernetes_door_spec import GatewayDoorSpec, RoutePath
from modelyard.run.serving.kubernetes_spec import ImageText, MeasuredSpec, PodNeedsSpec, PodScalingSpec, not_by_digest
from modelyard.run.serving.spec import DeclaredRelease

Argument = Annotated[str, StringConstraints(min_length=1, max_length=512)]
OURS: Final = (
    "--host",
    "--max-model-len",
    "--model",
    "--port",
    "--served-model-name",
    "--tensor-parallel-size",
    "--trust-remote-code",
    "-tp",
)
"""Arguments of vLLM that are written from what else the file says."""
CALL_SECONDS: Final = 600
"""How long a call takes at most where no door says it: long answers are streamed for minutes."""


class VllmServed(Spec):
    """vLLM in a plain Deployment behind a service: nothing but Kubernetes is needed."""

    kind: Literal["vllm"] = Field(description="vLLM in a plain Deployment.")
    scaling: PodScalingSpec | None = Field(default=None, description="Absent: as many pods as `pods` says.")


class LlmInferenceServed(Spec):
    """An LLMInferenceService of KServe: calls go to the pod that has their beginning in its cache."""

    kind: Literal["llm_inference_service"] = Field(description="An LLMInferenceService of KServe, with its scheduler.")


class LlmDoorSpec(GatewayDoorSpec):
    """A route from a gateway to a language model, who may use it, and how often."""

    paths: tuple[RoutePath, ...] = Field(
        default=("/v1/chat/completions", "/v1/completions", "/v1/models"),
        min_length=1,
        max_length=16,
        description="What callers reach, each exactly: OpenAI's API. Metrics and probes stay inside.",
    )
    timeout_seconds: int = Field(
        default=600,
        ge=1,
        le=3600,
        description="Seconds after which a call gets 504. Ten minutes: long answers.",
    )


class KubernetesLanguageModelSpec(Spec):
    """A language model on Kubernetes, answering as OpenAI's API does."""

    flavour: Literal["kubernetes"] = Field(default="kubernetes", description="It is served on the platform's cluster.")
    model: Name = Field(description="The model of the registry that is served; its version is a folder of weights.")
    owner: Email = Field(description="Who hears of its alarms.")
    release: DeclaredRelease = Field(description="Which version: kind declared.")
    artifact: Digest = Field(
        description="The SHA-256 of the version's list of weights, as `yard model show` has it: pods take these files "
        "or none."
    )
    served_by: Annotated[VllmServed | LlmInferenceServed, Field(discriminator="kind")] = Field(
        description="What keeps its pods: kind vllm, or llm_inference_service."
    )
    image: ImageText = Field(description="An image of vLLM, by digest.")
    fetcher: ImageText = Field(
        description="An image that has Modelyard's `modelyard_jobs` and boto3, by digest; it brings the weights before "
        "vLLM starts, and checks each."
    )
    needs: PodNeedsSpec = Field(
        description="What each pod gets. Its weights are split among its GPUs (tensor parallel), which it needs."
    )
    weights_gib: int = Field(ge=1, le=4096, description="GiB of its weights' files.")
    context_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Tokens of question and answer together. Absent: what the model was made for, which may not fit.",
    )
    shared_memory_gib: int = Field(
        default=8, ge=1, le=1024, description="GiB of its memory by which its processes exchange what GPUs compute."
    )
    start_seconds: int = Field(
        default=1800,
        ge=60,
        le=7200,
        description="Seconds until it must be ready. Half an hour: it warms up.",
    )
    arguments: tuple[Argument, ...] = Field(default=(), max_length=50, description="Further arguments of vLLM.")
    trust_remote_code_because: str = Field(
        default="",
        max_length=300,
        description="Why Python from among the weights may run. Absent: it doesn't; whoever writes weights would own "
        "the pod.",
    )
    pods: int = Field(default=1, ge=1, le=100, description="Pods, where they don't scale. Production asks for two.")
    without_spare_because: str = Field(
        default="", max_length=256, description="Why production gets by with one pod. Absent: it has two."
    )
    door: LlmDoorSpec | None = Field(
        default=None, description="A way in from a gateway. Absent: the team's own namespace alone reaches it."
    )

    @property
    def measured(self) -> MeasuredSpec:
        """What vLLM tells Prometheus (docs.vllm.ai/en/latest/usage/metrics)."""
        return MeasuredSpec(
            requests="http_requests_total",
            failed='status="5xx"',
            seconds="vllm:e2e_request_latency_seconds",
            in_progress="vllm:num_requests_running",
        )

    @property
    def scaling(self) -> PodScalingSpec | None:
        """How it scales; KServe has its own ways for its own."""
        return self.served_by.scaling if isinstance(self.served_by, VllmServed) else None

    @property
    def least(self) -> int:
        """Pods at least."""
        return self.scaling.least if self.scaling else self.pods

    @property
    def most(self) -> int:
        """Pods at most, and the one that stands beside the old ones while a version changes."""
        return (self.scaling.most if self.scaling else self.pods) + 1

    def check(self) -> Iterator[Fault]:
        """Images without digests, a server without GPUs, and arguments that are said otherwise."""
        yield from not_by_digest(self, "image", self.image)
        yield from not_by_digest(self, "fetcher", self.fetcher)
        if not self.needs.gpus:
            yield self.fault("needs.gpus", "are needed: vLLM computes on them", 'Say how many, and of which "pool".', 0)
        if self.shared_memory_gib * 1024 >= self.needs.memory_mib:
            problem = f"is taken of the pod's memory, which is {self.needs.memory_mib} MiB"
            yield self.fault("shared_memory_gib", problem, 'Raise "needs.memory_mib".', self.shared_memory_gib)
        for index, argument in enumerate(self.arguments):
            if argument.partition("=")[0].replace("_", "-") in OURS:
                remedy = "Remove it: needs.gpus, context_tokens and trust_remote_code_because say it."
                yield self.fault(f"arguments[{index}]", "is written from what else the file says", remedy, argument)
        if isinstance(self.served_by, LlmInferenceServed) and self.door is None:
            problem = "sends calls to pods by a gateway, and the model has no door"
            yield self.fault("served_by.kind", problem, 'Give "door", or use kind "vllm".', self.served_by.kind)

    def unfit_for_production(self) -> Iterator[Fault]:
        """What production asks for beyond: a second pod, or a reason."""
        if self.least < 2 and not self.without_spare_because:
            path = "served_by.scaling.least" if self.scaling else "pods"
            problem = "leaves no pod when one fails or its machine is replaced, and this is production"
            remedy = 'Use 2 or more, or say why one is enough ("without_spare_because").'
            yield self.fault(path, problem, remedy, self.least)
