"""A fast file system before a dataset: what a team's file says of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from modelyard.build.data import ZoneName
from modelyard.core.errors import Fault
from modelyard.core.spec import REPLACES, Name, Spec


class ScratchStorage(Spec):
    """Not replicated: lost with a disk, and filled again from the dataset."""

    kind: Literal["scratch"] = Field(
        default="scratch",
        description="Not replicated, 200 MB/s a TiB, encrypted with FSx's own key; the dataset holds what it had.",
    )


class PersistentStorage(Spec):
    """Replicated within its zone, encrypted with the lake's key."""

    kind: Literal["persistent"] = Field(description="Replicated within its zone, encrypted with the lake's key.")
    mbps_per_tib: Annotated[Literal[125, 250, 500, 1000], REPLACES] = Field(
        default=125, description="MB a second for each TiB; more costs more."
    )


class FileSystemSpec(Spec):
    """FSx for Lustre before objects of S3; who reads it can't write them through it."""

    capacity_gib: int = Field(description="GiB: 1200, or a multiple of 2400. It can grow, and never shrinks.")
    ends: date = Field(
        description="The day on whose first minute (UTC) it is deleted. It is paid by the hour, used or not, so that a "
        "day must be named; a later one keeps it."
    )
    follow: bool = Field(
        default=True, description="Whether objects that come, change or go in the dataset do so here, too."
    )

    def check(self) -> Iterator[Fault]:
        """Sizes that FSx doesn't have."""
        size = self.capacity_gib
        if size != 1200 and (size < 2400 or size % 2400):
            nearest = 1200 if size <= 1200 else max(2400, -(-size // 2400) * 2400)
            yield self.fault(
                "capacity_gib", "is no size of a file system", f"Use 1200 or a multiple of 2400, say {nearest}.", size
            )


class LustreSpec(FileSystemSpec):
    """FSx for Lustre, filled from a dataset of the lake; jobs read it and can't write the dataset through it."""

    dataset: Annotated[Name, REPLACES] = Field(description="The dataset whose objects it shows as files.")
    storage: Annotated[Annotated[ScratchStorage | PersistentStorage, Field(discriminator="kind")], REPLACES] = Field(
        default_factory=ScratchStorage, description="How it keeps data: kind scratch or persistent."
    )


class DatasetFilesSpec(FileSystemSpec):
    """FSx for Lustre before a dataset of a team, for its jobs on the platform's cluster; they read it.

    It is scratch: what it loses with a disk it fills again from the dataset.
    """

    zone: Annotated[ZoneName, REPLACES] = Field(
        default="curated", description="The zone of the team's lake that has it. Curated: what training reads."
    )
