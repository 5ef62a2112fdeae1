"""The function that reads how large an endpoint is, and says what a month of that costs.

It ships as text with the table of metrics and the prices of its region, so it uses nothing beyond boto3 and the
standard library. It asks no billing service: those know yesterday, see every team, and cost by the question.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from modelyard.run.monitoring.publishing import publish

PRICES: Final = Path(__file__).with_name("prices.json")
HOURS: Final = 730
"""Hours of a month, as AWS's calculator counts them."""


class Unpriced(Exception):
    """Nobody said what machines of a type cost."""


def handler(_: Mapping[str, Any], __: object) -> dict[str, Any]:
    """Measure once. Raises `Unpriced`, which the function's alarm on errors tells."""
    told = cost(os.environ["ENDPOINT"], json.loads(PRICES.read_text("utf-8")), boto3.client("sagemaker"))
    publish(
        boto3.client("cloudwatch"), "cost", os.environ["ENDPOINT"], {"cost_month": told["month"]}, datetime.now(UTC)
    )
    return told


def cost(endpoint: str, prices: Mapping[str, float], sagemaker: Any) -> dict[str, Any]:
    """US dollars of a month at the present size, and the machines by type; what there isn't costs nothing."""
    try:
        found = sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if "Could not find" in str(error) or "not found" in str(error).lower():
            return {"month": 0.0, "machines": {}}
        raise
    says = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    groups = (("ProductionVariants", "ProductionVariants"), ("ShadowProductionVariants", "ShadowProductionVariants"))
    counts = {
        variant["VariantName"]: int(variant.get("CurrentInstanceCount") or 0)
        for _, group in groups
        for variant in found.get(group) or ()
    }
    machines: dict[str, int] = {}
    for group, _ in groups:
        for variant in says.get(group) or ():
            kind = variant.get("InstanceType")
            if kind:
                machines[kind] = machines.get(kind, 0) + counts.get(variant["VariantName"], 0)
    unknown = sorted(kind for kind in machines if kind not in prices)
    if unknown:
        raise Unpriced(f"{', '.join(unknown)}: say the price of an hour in monitoring's watch.cost.prices")
    return {"month": HOURS * sum(count * prices[kind] for kind, count in machines.items()), "machines": machines}
