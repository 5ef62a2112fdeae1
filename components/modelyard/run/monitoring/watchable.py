"""What can be watched of an endpoint: whether its prices are known, and its calls kept."""

from __future__ import annotations

from collections.abc import Mapping

from modelyard.run.monitoring import prices
from modelyard.run.monitoring.watch_spec import CostSpec, WatchSpec
from modelyard.run.serving import InferenceEndpoint, Serverless


def known_prices(spec: CostSpec | None, endpoint: InferenceEndpoint, region: str) -> dict[str, float] | None:
    """US dollars by instance type and for a gigabyte-second; None where one that the endpoint needs isn't known."""
    if spec is None:
        return None
    known = {name: price.usd for name, price in prices.hosting(region).items()} | dict(spec.prices)
    if spec.gb_second_usd is not None:
        known[prices.SERVERLESS] = spec.gb_second_usd
    return known if _needed(endpoint) <= known.keys() else None


def _needed(endpoint: InferenceEndpoint) -> set[str]:
    if isinstance(endpoint.spec.served_by, Serverless):
        return {prices.SERVERLESS}
    return {name for _, name in endpoint.spec.instance_types()}


def unwatched(spec: WatchSpec, endpoint: InferenceEndpoint, known: Mapping[str, float] | None) -> dict[str, str]:
    """What isn't watched, and why; what nobody asked for isn't in it."""
    found: dict[str, str] = {}
    if not endpoint.exists:
        found["endpoint"] = endpoint.awaits
    if spec.patterns is not None and endpoint.spec.captured is None:
        found["patterns"] = "no calls are captured"
    if spec.cost is not None and known is None:
        table = prices.hosting(endpoint.context.region)
        lacking = sorted(name for name in _needed(endpoint) if name not in table and name not in spec.cost.prices)
        found["cost"] = f"no price is known of {', '.join(lacking)} in {endpoint.context.region}"
    return found
