"""The function that reads how large an endpoint is and which version it serves, and says what a month of that costs.

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
    settings, cloudwatch, now = os.environ, boto3.client("cloudwatch"), datetime.now(UTC)
    endpoint, prices = settings["ENDPOINT"], json.loads(PRICES.read_text("utf-8"))
    told: dict[str, Any] = {"version": version(settings)}
    if told["version"] is not None:
        publish(cloudwatch, "champion", endpoint, {"champion_version": told["version"]}, now)
    if prices is not None:
        told |= cost(endpoint, prices, boto3.client("sagemaker"))
        publish(cloudwatch, "cost", endpoint, {"cost_month": told["month"]}, now)
    return told


def version(settings: Mapping[str, str]) -> int | None:
    """Which version serves: the file's, or the one of the loop's record; None before the first release."""
    if not settings["CHAMPION"]:
        return int(settings["VERSION"])
    try:
        found = boto3.client("ssm").get_parameter(Name=settings["CHAMPION"])["Parameter"]["Value"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return None
        raise
    return int(json.loads(found)["version"])


def cost(endpoint: str, prices: Mapping[str, float], sagemaker: Any) -> dict[str, Any]:
    """US dollars of a month at the present size, and the machines by type; what there isn't costs nothing."""
    try:
        found = sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if "Could not find" in str(error) or "not found" in str(error).lower():
            return {"month": 0.0, "machines": {}}
        raise
    says = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    groups = ("ProductionVariants", "ShadowProductionVariants")
    counts = {
        variant["VariantName"]: int(variant.get("CurrentInstanceCount") or 0)
        for group in groups
        for variant in found.get(group) or ()
    }
    machines: dict[str, int] = {}
    for group in groups:
        for variant in says.get(group) or ():
            kind = variant.get("InstanceType")
            if kind:
                machines[kind] = machines.get(kind, 0) + counts.get(variant["VariantName"], 0)
    unknown = sorted(kind for kind in machines if kind not in prices)
    if unknown:
        raise Unpriced(f"{', '.join(unknown)}: say the price of an hour in monitoring's watch.cost.prices")
    return {"month": HOURS * sum(count * prices[kind] for kind, count in machines.items()), "machines": machines}
