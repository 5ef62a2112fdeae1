"""The record of an erasure: what was taken out where, by whom, and never whose."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import AwareDatetime

from modelyard.core.distributions import Value
from modelyard.core.snapshots import ErasedVersion

ERASURES: Final = "erasures/"
"""What the keys of records begin with."""


class Evidence(Value):
    """What an erasure did. The subject's identifier isn't in it; `reference` leads to the register of requests.

    `columns` are those that the rows were found by. `snapshots` lost object versions, `redacted` lost a named value in
    their statistics. `unread` are hidden objects that nobody could look into. `left` are versions that still hold rows
    of the subject, because they were written or couldn't be deleted meanwhile: the erasure must be run again.
    """

    version: Literal[1] = 1
    id: str
    reference: str
    team: str
    environment: str
    dataset: str
    columns: tuple[str, ...]
    erased_at: AwareDatetime
    erased_by: str
    versions_read: int
    erased: tuple[ErasedVersion, ...]
    snapshots: tuple[str, ...]
    redacted: tuple[str, ...]
    unread: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Where the record lies in the artifacts zone."""
        return record_key(self.dataset, self.id)

    @property
    def complete(self) -> bool:
        """Whether no row of the subject is left in the dataset."""
        return not self.left


def record_key(dataset: str, id: str) -> str:
    """The key of an erasure's record in the artifacts zone."""
    return f"{ERASURES}{dataset}/{id}.json"
