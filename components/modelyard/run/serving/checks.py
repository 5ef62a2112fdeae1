"""What is wrong with the machines that an endpoint asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from modelyard.core.errors import Fault
from modelyard.core.instances import InstanceCatalogue
from modelyard.core.spec import Spec

if TYPE_CHECKING:
    from modelyard.run.serving.spec import EndpointSpec


def types_that_fail(spec: EndpointSpec) -> Iterator[Fault]:
    """Types that aren't SageMaker's, don't exist, or host nothing."""
    for path, name in spec.instance_types():
        yield from type_faults(spec, path, name)


def type_faults(spec: Spec, path: str, name: str) -> Iterator[Fault]:
    """What is wrong with one type that is to host a model; `spec` has it at `path`."""
    catalogue = InstanceCatalogue.shipped()
    found = catalogue.get(name)
    if not name.startswith("ml."):
        yield spec.fault(path, "is EC2's name, and SageMaker's begins with ml.", f'Use "ml.{name}".', name)
    elif found is None:
        near = catalogue.closest(name)
        yield spec.fault(path, "is no known instance type", f'Did you mean "{near}"?' if near else "Look it up.", name)
    elif not found.hosts:
        yield spec.fault(path, "hosts no endpoint", "Take another type.", name)


def gpus_that_lack(spec: EndpointSpec) -> Iterator[Fault]:
    """Scaling by GPUs on types that have none."""
    catalogue = InstanceCatalogue.shipped()
    for name, variant in spec.variants.items():
        scaling = spec.scaled.get(name)
        known = catalogue.get(variant.instance_type) if variant else None
        if scaling is not None and scaling.target.kind == "gpu" and known is not None and not known.gpus:
            yield scaling.fault("target.kind", f"needs a GPU, and {known.sagemaker} has none", "Take another.", "gpu")


def types_not_offered(spec: EndpointSpec, region: str) -> Iterator[Fault]:
    """Types that `region` isn't known to sell."""
    for path, name in spec.instance_types():
        yield from not_offered(spec, path, name, region)


def not_offered(spec: Spec, path: str, name: str, region: str) -> Iterator[Fault]:
    """Whether `region` isn't known to sell a type; `spec` has it at `path`."""
    found = InstanceCatalogue.shipped().get(name)
    if found is not None and not found.offered_in(region):
        there = ", ".join(sorted(found.regions))
        yield spec.fault(path, f"isn't sold in {region}", f"It is in: {there}.", name)


def unplaced(
    spec: Spec,
    model: str,
    *,
    models: Collection[str],
    zones: Collection[str],
    wanted: Mapping[str, str],
    without_network: bool,
) -> Iterator[Fault]:
    """What a spec needs and isn't there: its model, the zones that it names by path, a network."""
    if model not in models:
        has = ", ".join(models) or "none"
        yield spec.fault("model", "is no model of the registry", f"It has: {has}.", model)
    for path, zone in wanted.items():
        if zone not in zones:
            yield spec.fault(path, f"needs the zone {zone}, which the lake hasn't", "Add it to the lake.", zone)
    if without_network:
        yield spec.fault("vpc", "needs a network, and there is none", 'Give a network, or say "vpc: false".')
