"""What a team's file says about its models: their gates, who may pull them, and how long releases are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from modelyard.core.errors import Fault
from modelyard.core.releases import Comparison, Gate
from modelyard.core.spec import AccountId, ColumnName, Email, Name, RoleArn, Spec

CardText = Annotated[str, Field(max_length=2048)]


class _Gate(Spec):
    metric: ColumnName = Field(description="The measure, among the model's `metrics`.")
    slice: dict[ColumnName, str] = Field(
        default_factory=dict,
        max_length=8,
        description="Column and value of the rows that count, such as `country: de`. Absent: all rows.",
    )

    @property
    def value(self) -> Gate:
        """The gate as records, functions and jobs read it."""
        fields = {name: getattr(self, name) for name in ("kind", "metric", "comparison", "threshold")}
        return Gate(**fields, slice=dict(self.slice), against=getattr(self, "against", "absolute"))


class AccuracyGate(_Gate):
    """How good the model is, by itself or beside the one that serves."""

    kind: Literal["accuracy"] = Field(description="Quality on held-out data.")
    comparison: Comparison = Field(
        default="at_least", description="Which side passes; `at_most` for errors such as RMSE."
    )
    threshold: float = Field(description="The bound; against the champion, how much the two may differ.")
    against: Literal["absolute", "champion"] = Field(
        default="absolute",
        description="Whether the value itself is compared, or its difference from the champion's. The value: it needs "
        "nothing else.",
    )


class BiasGate(_Gate):
    """How differently the model treats groups."""

    kind: Literal["bias"] = Field(description="Fairness between the groups of an attribute.")
    attribute: ColumnName = Field(description="The column whose groups are compared.")
    comparison: Literal["at_most"] = Field(default="at_most", description="Differences have an upper bound.")
    threshold: float = Field(
        default=0.1, ge=0, le=1, description="The largest difference, 0 to 1. A tenth: a common reading of equal rates."
    )


class FeatureConsistencyGate(_Gate):
    """Whether training and serving see the same features."""

    kind: Literal["feature_consistency"] = Field(description="Offline and online values of the same entities.")
    comparison: Literal["at_least"] = Field(default="at_least", description="Shares have a lower bound.")
    threshold: float = Field(
        default=0.99, ge=0, le=1, description="The share of equal values. Not all: records arrive while one looks."
    )


class DataQualityGate(_Gate):
    """Whether the rules of the training data hold."""

    kind: Literal["data_quality"] = Field(description="The data's own rules.")
    comparison: Literal["at_least"] = Field(default="at_least", description="Shares have a lower bound.")
    threshold: float = Field(default=1.0, ge=0, le=1, description="The share of rules that hold. All: they are rules.")


class DriftGate(_Gate):
    """How far the newest data is from the training set."""

    kind: Literal["drift"] = Field(description="Distance of distributions from the training set's.")
    comparison: Literal["at_most"] = Field(default="at_most", description="Distances have an upper bound.")
    threshold: float = Field(
        default=0.2,
        ge=0,
        description="The largest distance. 0.2: where a population stability index counts as shifted.",
    )


class ExplanationStabilityGate(_Gate):
    """Whether the model says why in the same way as before."""

    kind: Literal["explanation_stability"] = Field(description="Agreement of attributions between samples.")
    comparison: Literal["at_least"] = Field(default="at_least", description="Agreement has a lower bound.")
    threshold: float = Field(
        default=0.8, ge=-1, le=1, description="The rank correlation of attributions, -1 to 1. Four fifths: same story."
    )


class LatencyGate(_Gate):
    """How fast the model answers."""

    kind: Literal["latency"] = Field(description="Time of one prediction.")
    comparison: Literal["at_most"] = Field(default="at_most", description="Times have an upper bound.")
    threshold: float = Field(gt=0, description="Milliseconds.")


GateSpec = Annotated[
    AccuracyGate
    | BiasGate
    | FeatureConsistencyGate
    | DataQualityGate
    | DriftGate
    | ExplanationStabilityGate
    | LatencyGate,
    Field(discriminator="kind"),
]


class CardSpec(Spec):
    """What people must know before they use a model; SageMaker keeps it as the model's card.

    Source: sagemaker/latest/dg/model-cards, "Model card JSON schema".
    """

    purpose: CardText = Field(default="", description="Why it was made. Absent: the model's description says it.")
    intended_uses: CardText = Field(
        default="", description="What it may be used for, and what not. Absent: the card says nothing of it."
    )
    risk: Literal["high", "medium", "low", "unknown"] = Field(
        default="unknown",
        description="How much harm it can do. Unknown: nobody has rated it, and the card stays a draft.",
    )
    risk_because: CardText = Field(default="", description="Why it is rated so; a rating needs it.")
    factors: CardText = Field(default="", description="What makes it better or worse. Absent: nothing is known.")
    business_problem: CardText = Field(default="", description="What it solves for the business.")
    stakeholders: CardText = Field(default="", description="Who is concerned.")
    line_of_business: CardText = Field(default="", description="Where in the business it works.")
    ethics: CardText = Field(default="", description="What users must weigh: people concerned, groups treated apart.")
    caveats: CardText = Field(default="", description="What it can't do, and what to do instead.")

    def check(self) -> Iterator[Fault]:
        """A rating has a reason, and a reason a rating."""
        if (self.risk == "unknown") != (not self.risk_because):
            missing = "risk_because" if self.risk != "unknown" else "risk"
            yield self.fault(missing, "a rating and its reason go together", f'Add "{missing}", or remove the other.')


class ModelSpec(Spec):
    """One model: a group of versions, and what a version must show to be released."""

    description: str = Field(min_length=1, max_length=1024, description="What the model says, and to whom.")
    owner: Email = Field(description="Who answers for it.")
    metrics: tuple[ColumnName, ...] = Field(
        default=(), max_length=100, description="What its evaluation measures; gates name some of these."
    )
    gates: dict[Name, GateSpec] = Field(
        default_factory=dict, max_length=50, description="What must hold before a version is approved, by name."
    )
    ungated_because: str = Field(
        default="", max_length=256, description="Why no measure decides about this model. Absent: some gate must."
    )
    card: CardSpec = Field(
        default_factory=CardSpec, description="What its card says. Absent: what is said here anyway, as a draft."
    )
    pulled_by: tuple[AccountId, ...] = Field(
        default=(),
        max_length=20,
        description="Accounts that read approved versions, such as production's. Absent: this account alone.",
    )

    def check(self) -> Iterator[Fault]:
        """A gate needs a measure that exists, and no two gates may exclude each other."""
        if not self.gates and not self.ungated_because:
            remedy = 'Add a gate, or say why there is none ("ungated_because").'
            yield self.fault("gates", "nothing decides whether a version is good enough", remedy)
        if self.gates and self.ungated_because:
            yield self.fault("ungated_because", "but gates are declared", "Take one of the two away.")
        for name, gate in self.gates.items():
            if gate.metric not in self.metrics:
                has = ", ".join(self.metrics) or "none"
                remedy = f'Name one of the model\'s metrics ({has}), or add it to "metrics".'
                yield self.fault(f"gates.{name}.metric", "nobody produces this metric", remedy, gate.metric)
        yield from self._contradictions()

    def _contradictions(self) -> Iterator[Fault]:
        lower: dict[object, tuple[str, float]] = {}
        for name, gate in self.gates.items():
            if gate.comparison == "at_least":
                known = lower.get(_measure(gate))
                if known is None or gate.threshold > known[1]:
                    lower[_measure(gate)] = (name, gate.threshold)
        for name, gate in self.gates.items():
            other = lower.get(_measure(gate))
            if gate.comparison == "at_most" and other is not None and other[1] > gate.threshold:
                problem = f"excludes {other[0]}, which asks for at least {other[1]}: no version passes both"
                yield self.fault(f"gates.{name}.threshold", problem, "Move one of the two.", gate.threshold)


def _measure(gate: GateSpec) -> object:
    return gate.metric, tuple(sorted(gate.slice.items())), getattr(gate, "against", "absolute")


class RegistrySpec(Spec):
    """The models of a team."""

    models: dict[Name, ModelSpec] = Field(
        default_factory=dict, max_length=50, description="Models by name; each is a model package group."
    )
    lock_days: int = Field(
        default=365,
        ge=1,
        le=36_500,
        description="Days in which nobody deletes the bytes and the record of a release. A year: an audit's look back.",
    )
    lock_mode: Literal["governance", "compliance"] = Field(
        default="governance",
        description="Whether a role with a permission of its own may lift the lock, or nobody, the root user included. "
        "The former: the latter can't be taken back.",
    )
    access_log_days: int = Field(default=365, ge=1, le=3650, description="Days that the bucket's access logs stay.")
    key_administrators: tuple[RoleArn, ...] = Field(
        default=(),
        max_length=10,
        description="Roles that manage the signing key and can't sign. Absent: whom IAM lets, but no team's role.",
    )

    @property
    def pulled_by(self) -> tuple[str, ...]:
        """Every account that pulls some model."""
        return tuple(sorted({account for model in self.models.values() for account in model.pulled_by}))
