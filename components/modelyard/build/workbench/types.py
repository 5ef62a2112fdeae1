"""The instance types that Studio's apps run on."""

from __future__ import annotations

from typing import Final

_FAMILIES: Final = """
t3 micro small medium large xlarge 2xlarge
m5 large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge
m5d large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge
m6i large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge
m6id large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge
m7i large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge
c5 large xlarge 2xlarge 4xlarge 9xlarge 12xlarge 18xlarge 24xlarge
c6i large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge
c6id large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge
c7i large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge
r5 large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge
r6i large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge
r6id large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge
r7i large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge
p3 2xlarge 8xlarge 16xlarge
p3dn 24xlarge
p4d 24xlarge
p4de 24xlarge
p5 4xlarge 48xlarge
p5en 48xlarge
p6-b200 48xlarge
g4dn xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge
g5 xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge
g6 xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge
g6e xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge
trn1 2xlarge 32xlarge
trn1n 32xlarge
"""
"""By family. Source: sagemaker/latest/APIReference/API_ResourceSpec, InstanceType, but for the families g7 and g7e,
which came last: the provider refuses what it doesn't know yet."""

STUDIO_TYPES: Final[tuple[str, ...]] = tuple(
    f"ml.{family}.{size}"
    for line in _FAMILIES.split("\n")
    if line
    for family, *sizes in [line.split()]
    for size in sizes
)
"""As SageMaker calls them: `ml.t3.medium`."""
