"""What rules ask of instance types, which are called with and without `ml.`."""

from __future__ import annotations

import re
from typing import Final

from modelyard.core.instances import Instance, InstanceCatalogue

_FAMILY: Final = re.compile(r"(?:ml\.)?(?:dl|g|gr|inf|p|trn)\d[a-z0-9-]*(?:\..*)?")
"""Families with accelerators, for types that the catalogue doesn't know; Batch takes a family's name alone."""


def known(name: str) -> Instance | None:
    """What the catalogue says of a type."""
    return InstanceCatalogue.shipped().get(name)


def accelerated(name: str) -> bool:
    """Whether a type, or a family, has GPUs or other accelerators."""
    found = known(name)
    return found.accelerators > 0 if found else bool(_FAMILY.fullmatch(name))


def encrypts_its_own_disks(name: str) -> bool:
    """Whether a type has local disks, which encrypt themselves; SageMaker takes no key for them."""
    found = known(name)
    return found is not None and found.local_nvme_gb > 0
