"""What a team's file says about captured calls: how many are kept, by whom, and what is not kept of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from modelyard.build.data import DatasetSpec
from modelyard.core.errors import Fault
from modelyard.core.redaction import How
from modelyard.core.spec import Name, Spec

FieldName = Annotated[str, StringConstraints(pattern=r"^\S(.*\S)?$", max_length=128)]
"""What a field is called in JSON, or a column of a CSV; upper and lower case are the same."""


class RedactionSpec(Spec):
    """What is sensitive in the calls, and never kept readable."""

    fields: dict[FieldName, How] = Field(
        default_factory=dict,
        max_length=200,
        description="Fields by name, and what becomes of them: `remove`, or `hash` by a key, so that equal values stay "
        "equal.",
    )
    dataset: Name | None = Field(
        default=None,
        description="The dataset of the lake that the calls are rows of: its columns marked `personal` go as well. "
        "Absent: only `fields`.",
    )
    personal: How = Field(
        default="remove",
        description="What becomes of the dataset's personal columns that `fields` doesn't name. Removed: nothing is "
        "the safest to keep.",
    )
    columns: tuple[FieldName, ...] = Field(
        default=(),
        max_length=2000,
        description="The columns of a CSV without a head, and of lists in JSON, in their order. Absent: the dataset's.",
    )
    secret: Name | None = Field(
        default=None, description="The team's secret whose value is the key of the hashes. Needed where any is hashed."
    )

    def check(self) -> Iterator[Fault]:
        """Nothing named, a hash without a key, and columns that stand twice."""
        if not self.fields and self.dataset is None:
            yield self.fault("", "names nothing that is sensitive", 'Give "fields" or "dataset", or remove it.')
        hashes = "hash" in self.fields.values() or (self.dataset is not None and self.personal == "hash")
        if hashes and self.secret is None:
            yield self.fault("secret", "is needed: a hash without a key is guessed", "Name a secret of the team.", None)
        if not hashes and self.secret is not None:
            yield self.fault("secret", "keys no hash", "Remove it, or hash a field.", self.secret)
        for what, names in (("fields", list(self.fields)), ("columns", list(self.columns))):
            lowered = [name.lower() for name in names]
            for twice in sorted({name for name in lowered if lowered.count(name) > 1}):
                yield self.fault(what, f"has {twice} twice, and case makes no difference", "Keep one.", twice)

    def rules(self, datasets: Mapping[str, DatasetSpec]) -> tuple[dict[str, How], list[str]]:
        """What becomes of which field, and the columns in their order; `datasets` are the lake's."""
        known = datasets.get(self.dataset or "")
        columns = [column for column in (*known.columns, *known.partitions)] if known else []
        personal: dict[str, How] = {column.name: self.personal for column in columns if column.personal}
        named: dict[str, How] = {name.lower(): how for name, how in self.fields.items()}
        own = [column.name for column in known.columns] if known else []
        return {**personal, **named}, list(self.columns) or own

    def unknown(self, datasets: Mapping[str, DatasetSpec], secrets: Mapping[str, object] | None) -> Iterator[Fault]:
        """A dataset that the lake hasn't or that has nothing personal, and a secret that isn't there."""
        if self.dataset is not None and self.dataset not in datasets:
            has = ", ".join(datasets) or "none"
            yield self.fault("dataset", "is no dataset of the lake", f"It has: {has}.", self.dataset)
        elif self.dataset is not None and not self.rules(datasets)[0]:
            remedy = 'Mark its columns "personal: true", or name "fields".'
            yield self.fault("dataset", "has no personal column", remedy, self.dataset)
        if self.secret is not None and self.secret not in (secrets or {}):
            has = ", ".join(secrets or {}) or "none"
            yield self.fault("secret", "is no secret of the team", f"There are: {has}.", self.secret)


class CaptureSpec(Spec):
    """What is kept of requests and answers, so that monitors have something to look at."""

    percent: int = Field(
        default=20,
        ge=0,
        le=100,
        description="Percent of the calls that are kept. A fifth: enough for distributions, at a fifth of the bytes. 0 "
        "keeps nothing, and then nothing is watched.",
    )
    by: Literal["service", "container"] = Field(
        default="service",
        description="Who keeps them: SageMaker, or Modelyard's serving container, which the version's image must be "
        "(`modelyard_jobs.serve`). SageMaker: no code of ours in the way of a call.",
    )
    redact: RedactionSpec | None = Field(
        default=None, description="What is not kept of them. Absent: calls are kept as they came."
    )
