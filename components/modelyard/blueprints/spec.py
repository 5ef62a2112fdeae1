"""The platform's file and a team's file, whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from modelyard.blueprints.access import (
    KEPT_ON_CLUSTER,
    ON_CLUSTER,
    TRACKED_ON_CLUSTER,
    VIEWS_ON_CLUSTER,
    AccessSpec,
    Things,
    access_faults,
)
from modelyard.blueprints.ceilings import CeilingSpec, CeilingsSpec
from modelyard.blueprints.enforcement import PolicySpec
from modelyard.blueprints.flavours import (
    AnyEndpoint,
    AnyFeatures,
    AnyLanguageModel,
    AnyMonitoring,
    AnyTracking,
    MonitoringSpec,
    only,
    watched_as_served,
)
from modelyard.blueprints.requirements import lacking
from modelyard.blueprints.usage import UsageSpec
from modelyard.build.data import LakeSpec
from modelyard.build.features import FeaturesSpec, KubernetesFeaturesSpec
from modelyard.build.pipelines import ImageCacheSpec, ImagesSpec, PipelineSpec
from modelyard.build.registry import RegistrySpec
from modelyard.build.tracking import KubernetesTrackingSpec
from modelyard.build.training import DatasetFilesSpec, TrainingSpec
from modelyard.build.workbench import WorkbenchSpec
from modelyard.core import tags
from modelyard.core.errors import Fault
from modelyard.core.spec import REPLACES, AccountId, Name, RoleArn, Spec
from modelyard.core.ways import WaysSpec
from modelyard.foundation.audit import AuditSpec
from modelyard.foundation.budgets import BudgetSpec
from modelyard.foundation.cluster import FILES, ClusterSpec, EksClusterSpec, pools_that_fail
from modelyard.foundation.keys import KeysSpec
from modelyard.foundation.network import ExistingNetworkSpec, NetworkSpec, VpcSpec
from modelyard.foundation.secrets import SecretsSpec
from modelyard.foundation.tenancy import (
    CAPABILITIES,
    PARTS,
    AccountsSpec,
    AdoptedSpec,
    CiSpec,
    Day,
    Person,
    Persona,
    SignInSpec,
    TeamHeader,
    leaver_faults,
    named_twice,
)
from modelyard.run.governance import GovernanceSpec
from modelyard.run.retraining import RetrainingSpec
from modelyard.run.serving import BatchSpec, DoorSpec, EndpointSpec, LanguageModelSpec

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*$", max_length=10)]
"""Lower-case letters and digits, starting with a letter; at most 10 characters, since every name begins with it."""

Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$", max_length=32)]
"""An AWS region, such as eu-west-1."""

TagKey = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9 _.:/=+@-]+$", min_length=1, max_length=tags.LONGEST_KEY)
]
TagValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 _.:/=+@-]*$", max_length=tags.LONGEST_VALUE)]
Tags = dict[TagKey, TagValue]

Share = Annotated[float, Field(ge=0, lt=1)]
"""A part of a whole: 0.2 is a fifth."""


def tag_faults(spec: Spec, given: Mapping[str, str]) -> Iterator[Fault]:
    """The tags that no user may set, and too many of them."""
    for key in given:
        if key in tags.RESERVED or key.lower().startswith("aws:"):
            yield spec.fault(f"tags.{key}", "is set by Modelyard or AWS itself", "Choose another key.", key)
    if len(given) + len(tags.RESERVED) > tags.MOST_TAGS:
        most = tags.MOST_TAGS - len(tags.RESERVED)
        yield spec.fault("tags", f"are more than {most}", "Remove some.", len(given))


class TeamWaysSpec(Spec):
    """Ways of one team's servers on the cluster: who calls them, and what they call outside of its namespace."""

    tracking: WaysSpec | None = Field(
        default=None,
        description="Of its MLflow: to its database, and to its store. `{}`: it needs none. Absent: it has no server.",
    )
    features: WaysSpec | None = Field(
        default=None,
        description="Of its Feast store: to its Redis, and to its store. `{}`: it needs none. Absent: it has no store.",
    )


class PlatformSpec(Spec):
    """The shared base of one environment, as `platform/platform.yaml` describes it.

    What stands under `environments.<name>` in the file lies over everything else for that environment.
    """

    organization: Annotated[Name, REPLACES] = Field(description="Who runs the platform; part of every bucket's name.")
    platform: Annotated[Word, REPLACES] = Field(description="The platform's short name; the first part of every name.")
    account: Annotated[AccountId, REPLACES] = Field(
        description="The AWS account of the environment; a deployment anywhere else is refused."
    )
    region: Annotated[Region, REPLACES] = Field(description="The AWS region of the environment.")
    production: bool = Field(
        default=False,
        description="Whether state is protected, and safety goes before price. Off: environments are cheap until said.",
    )
    sandbox: bool = Field(
        default=False,
        description="Whether the environment lives on the emulator of whoever deploys it, and never in a cloud.",
    )
    tags: Tags = Field(default_factory=dict, description="Tags on everything, such as a cost centre.")
    deployers: tuple[RoleArn, ...] = Field(
        default=(),
        description="Roles that may deploy for every team, such as CI's. Absent: whoever IAM lets, in this account.",
    )
    network: NetworkSpec = Field(
        description="The network: one of ours (kind: vpc), or one that exists (kind: existing)."
    )
    keys: KeysSpec = Field(default_factory=KeysSpec, description="The platform's own keys.")
    team_keys: KeysSpec = Field(default_factory=KeysSpec, description="The keys that each team gets.")
    audit: AuditSpec = Field(
        default_factory=AuditSpec, description="The trail, the alarms on tampering, and the platform's own events."
    )
    budget: BudgetSpec | None = Field(
        default=None, description="What the whole environment may cost in a month. Absent: only teams have budgets."
    )
    team_budget: BudgetSpec | None = Field(
        default=None, description="What each team may cost that has no budget of its own. Absent: nobody counts those."
    )
    ceilings: CeilingsSpec = Field(
        default_factory=CeilingsSpec,
        description="What each stack may cost in a month by its files; `yard check` stops a change that would cost "
        "more. Absent: what the budgets allow.",
    )
    discounts: dict[str, Share] = Field(
        default_factory=dict[str, Share],
        description="What is off the listed prices, by service of the price table: `{ec2: 0.2}` pays 80 %.",
    )
    sign_in: SignInSpec | None = Field(
        default=None, description="How people sign in. Absent: no team can have people, only services and pipelines."
    )
    usage: UsageSpec = Field(
        default_factory=UsageSpec, description="What the platform expects to use in a month; its price depends on it."
    )
    policy: PolicySpec = Field(
        default_factory=PolicySpec, description="How strictly the rules of `yard check` are enforced."
    )
    auditors: tuple[Person, ...] = Field(
        default=(),
        description="Who reads the trail, which tells of all teams: the names under which they sign in. Absent: nobody "
        "but administrators, so that `yard evidence audit` is refused to everybody else.",
    )
    leavers: dict[Person, Day] = Field(
        default_factory=dict[Person, Day],
        description="Who has left, and on which day: out of every team at once, their sessions included.",
    )
    ci: CiSpec | None = Field(
        default=None, description="The CI systems that are believed. Absent: none; a team's pipelines are refused."
    )
    cluster: ClusterSpec | None = Field(
        default=None,
        description="The cluster of Kubernetes: one of ours on EKS (kind: eks), or one that exists (kind: existing). "
        "Absent: none; small teams need none.",
    )
    images: ImagesSpec | None = Field(
        default=None, description="Image repositories from which every team pulls, such as the job container's."
    )
    image_cache: ImageCacheSpec | None = Field(
        default=None, description="Public registries that the account caches. Absent: none; images come from ECR alone."
    )
    workbenches: dict[str, WorkbenchSpec] = Field(
        default_factory=dict[str, WorkbenchSpec],
        description="Where the people of a team work, by team: SageMaker Studio. Absent for a team: it has none.",
    )
    dataset_files: dict[str, dict[Name, DatasetFilesSpec]] = Field(
        default_factory=dict[str, dict[str, DatasetFilesSpec]],
        description="Datasets of a team that its jobs on the cluster find as files, by team and dataset: FSx for "
        "Lustre, paid by the hour. Absent: jobs read from S3.",
    )
    ways: dict[str, TeamWaysSpec] = Field(
        default_factory=dict[str, TeamWaysSpec],
        description="Which ways through its fence the platform opens for servers that a team runs on the cluster, by "
        "team. Absent for a team: none; it can't open any itself.",
    )
    adopted: dict[str, AdoptedSpec] = Field(
        default_factory=dict[str, AdoptedSpec],
        description="What exists and comes into a team's reach, by team. Absent: a team reaches its own names alone.",
    )
    pulled_by: tuple[AccountId, ...] = Field(
        default=(),
        max_length=20,
        description="Accounts whose roles of the platform's names pull released models, such as production's. Absent: "
        "none; a team can't let anybody in by itself.",
    )
    door_account: bool = Field(
        default=True,
        description="Whether this platform says with which role API Gateway writes logs, where a team has doors: an "
        "account has one such setting for all. `false` where another platform of the account says so.",
    )
    accounts: AccountsSpec = Field(
        default_factory=AccountsSpec, description="How the deployment enters accounts that teams have for themselves."
    )

    def check(self) -> Iterator[Fault]:
        """Tags, people who can't sign in or are there twice, days on which somebody left, zones that must lie in the
        region, and a sandbox that is no production."""
        if self.sandbox and self.production:
            yield self.fault("sandbox", "is not for production", "Take one of the two away.", self.sandbox)
        yield from tag_faults(self, self.tags)
        if self.auditors and self.sign_in is None:
            remedy = 'Add "sign_in: {kind: identity-center, …}".'
            yield self.fault("auditors", "have no way to sign in", remedy)
        yield from named_twice(self, "auditors", self.auditors)
        yield from leaver_faults(self, self.leavers, datetime.now(UTC).date())
        if isinstance(self.network, VpcSpec):
            yield from self.network.zones_outside(self.region)
        if isinstance(self.cluster, EksClusterSpec):
            yield from pools_that_fail(self.cluster.pools, self.network.private_zones)
        if self.dataset_files and not (isinstance(self.cluster, EksClusterSpec) and FILES in self.cluster.addons):
            problem = "are mounted by an add-on of EKS that the platform hasn't"
            yield self.fault("dataset_files", problem, f'Add "{FILES}: {{}}" to "cluster.addons".')


class TeamSpec(TeamHeader):
    """What one team has, as `stacks/teams/<team>.yaml` describes it.

    What stands under `environments.<name>` in the file lies over everything else for that environment.
    """

    tags: Tags = Field(default_factory=dict, description="Tags on everything that the team has.")
    usage: UsageSpec = Field(
        default_factory=UsageSpec, description="What the team expects to use in a month; its price depends on it."
    )
    ceiling: CeilingSpec | None = Field(
        default=None,
        description="What the team's stack may cost in a month by its file. Absent: what the platform's file says, or "
        "the budget. It can only be lower than those.",
    )
    network: ExistingNetworkSpec | None = Field(
        default=None,
        description="The network in the team's own account, with its groups. Absent: the platform's, which a team in "
        "an account of its own can't reach.",
    )
    secrets: SecretsSpec | None = Field(default=None, description="The team's secrets. Absent: it has none.")
    data: LakeSpec | None = Field(default=None, description="The team's lake. Absent: it has none.")
    features: AnyFeatures | None = Field(
        default=None,
        description="The team's feature views, made of its lake; with `flavour: kubernetes` a Feast store on the "
        "platform's cluster. Absent: it has none.",
    )
    training: TrainingSpec | None = Field(
        default=None, description="Where and how the team's training jobs run. Absent: it trains nothing."
    )
    jobs: AccessSpec | None = Field(
        default=None, description="What training jobs may do beyond keeping what they made. Absent: nothing."
    )
    registry: RegistrySpec | None = Field(
        default=None, description="The team's models and their gates. Absent: it has none."
    )
    governance: GovernanceSpec | None = Field(
        default=None, description="What is kept as evidence of the team's releases. Absent: nothing but their records."
    )
    tracking: AnyTracking | None = Field(
        default=None,
        description="Where experiments are logged: an MLflow of the team's own, with `flavour: kubernetes` on the "
        "platform's cluster. Absent: nowhere.",
    )
    images: ImagesSpec | None = Field(default=None, description="The team's image repositories. Absent: it has none.")
    pipelines: dict[Name, PipelineSpec] = Field(
        default_factory=dict[Name, PipelineSpec],
        description="Training pipelines by name, from data to a version that waits for approval.",
    )
    serving: dict[Name, AnyEndpoint] = Field(
        default_factory=dict[str, AnyEndpoint],
        description="Endpoints by name, each with the model that it serves: by SageMaker, or with `flavour: "
        "kubernetes` on the platform's cluster.",
    )
    language_models: dict[Name, AnyLanguageModel] = Field(
        default_factory=dict[str, AnyLanguageModel],
        description="Language models by name: endpoints of SageMaker, or with `flavour: kubernetes` one model each on "
        "the platform's cluster.",
    )
    monitoring: dict[Name, AnyMonitoring] = Field(
        default_factory=dict[str, AnyMonitoring],
        description="What is watched, by endpoint, and on Kubernetes by language model, too. Absent for one: what "
        "needs no saying, which is errors and a page; on SageMaker also cost, what looks like an attack in captured "
        "calls, and incidents; on Kubernetes memory.",
    )
    retraining: dict[Name, RetrainingSpec] = Field(
        default_factory=dict[str, RetrainingSpec],
        description="Loops by name: what trains, judges and brings new versions to an endpoint by itself.",
    )
    batch_inference: dict[Name, BatchSpec] = Field(
        default_factory=dict[str, BatchSpec], description="Predictions for whole datasets, by name."
    )
    doors: dict[Name, DoorSpec] = Field(
        default_factory=dict[str, DoorSpec],
        description="Public doors, by the endpoint behind each, for callers that are in no team: a team's own roles "
        "can't pass them, since IAM tells no API's tag. Absent: none; endpoints are called from inside.",
    )
    workbench: AccessSpec | None = Field(
        default=None,
        description="What work in the team's workbench may do, which the platform makes (its `workbenches`). Absent: "
        "nothing but its own home.",
    )
    personas: dict[Persona, AccessSpec] = Field(
        default_factory=dict[Persona, AccessSpec],
        description="What each persona may do. Absent for one: nothing, since nobody said what it needs.",
    )

    @model_validator(mode="before")
    @classmethod
    def _watch_as_served(cls, data: Any) -> Any:
        return watched_as_served(data)

    def check(self) -> Iterator[Fault]:
        """What the header checks, tags, parts that lack what they stand on, and access to things that don't exist."""
        yield from super().check()
        yield from tag_faults(self, self.tags)
        yield from lacking(self)
        has = self._things()
        for name in () if self.capabilities is None else CAPABILITIES:
            for part in PARTS.get(name, (name,)) if not self.uses(name) else ():
                if getattr(self, part, None):
                    remedy = "Add it there, or remove it."
                    yield self.fault(part, f'is declared, and "capabilities" shuts {name} out', remedy)
        for persona, access in self.personas.items():
            path = f"personas.{persona}"
            if persona not in self.people and not (persona == "pipeline" and self.ci_runs):
                where = '"ci_runs"' if persona == "pipeline" else f'"people: {{{persona}: [...]}}"'
                yield self.fault(path, "is a persona without people", f"Declare {where}, or remove it.", persona)
            yield from access_faults(self, path, access, has)
        for part, access in (("jobs", self.jobs), ("workbench", self.workbench)):
            if access is not None:
                yield from access_faults(self, part, access, has)
        for role, access in (self.data.access if self.data else {}).items():
            for index, name in enumerate(access.secrets):
                if name not in has["secrets"]:
                    path = f"data.access.{role}.secrets[{index}]"
                    known = ", ".join(has["secrets"]) or "none"
                    yield self.fault(path, f"is no secret of the team's; it has: {known}", "Name one of them.", name)

    def _things(self) -> Things:
        """The names of what the team has, by kind."""
        features = self.features if isinstance(self.features, FeaturesSpec) else None
        views = features.views if features else {}
        store = self.features if isinstance(self.features, KubernetesFeaturesSpec) else None
        tracked = isinstance(self.tracking, KubernetesTrackingSpec)
        endpoints = only(EndpointSpec, self.serving)
        watched = only(MonitoringSpec, self.monitoring)
        models = only(LanguageModelSpec, self.language_models)
        served = [name for name in self.serving if name not in endpoints]
        return {
            "datasets": tuple(self.data.datasets if self.data else ()),
            "secrets": tuple(self.secrets.entries if self.secrets else ()),
            "views": tuple(views),
            "online views": tuple(name for name, view in views.items() if view.online),
            "offline views": tuple(name for name, view in views.items() if view.offline),
            "models": tuple(self.registry.models if self.registry else ()),
            "models with evidence": tuple(self.registry.models if self.registry and self.governance else ()),
            "training": ("training",) if self.training else (),
            "tracking": ("tracking",) if self.tracking else (),
            TRACKED_ON_CLUSTER: ("tracking",) if tracked else (),
            "repositories": tuple(self.images.repositories if self.images else ()),
            "pipelines": tuple(self.pipelines),
            "endpoints": tuple(endpoints),
            "language models": tuple(models),
            "endpoints with capture": tuple(name for name, endpoint in endpoints.items() if endpoint.captured),
            "endpoints with incidents": tuple(
                name for name in endpoints if name not in watched or watched[name].watch.incidents
            ),
            VIEWS_ON_CLUSTER: tuple(store.views if store else ()),
            KEPT_ON_CLUSTER: tuple(store.views if store and store.kept.kind == "lake" else ()),
            ON_CLUSTER: (*served, *(name for name in self.language_models if name not in models)),
            "loops": tuple(self.retraining),
            "batches": tuple(self.batch_inference),
        }
