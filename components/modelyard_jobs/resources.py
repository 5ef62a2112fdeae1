"""What the running job was granted, as one typed document; no job hard-codes a name."""

from __future__ import annotations

import os
from typing import Any

from pydantic import ValidationError

from modelyard.core.addresses import ENVIRONMENT_VARIABLE, Addresses, ResourceDocument


class NoResourcesError(RuntimeError):
    """The job's environment names no resource document, or one that can't be read."""


def resources(path: str | None = None, *, ssm: Any = None) -> ResourceDocument:
    """Everything that the running identity was granted.

    `path`: the parameter path. Absent: what `MODELYARD_RESOURCES` says. `ssm`: a boto3 client. Absent: one for
    the job's own region. Raises `NoResourcesError` where no path is known, or a parameter isn't an address document.
    """
    where = path or os.environ.get(ENVIRONMENT_VARIABLE)
    if not where:
        raise NoResourcesError(f"{ENVIRONMENT_VARIABLE} is not set; give the job its identity's resources_path")
    if ssm is None:
        import boto3

        ssm = boto3.client("ssm")
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=where)
    return ResourceDocument(things=tuple(_thing(parameter) for page in pages for parameter in page["Parameters"]))


def _thing(parameter: dict[str, str]) -> Addresses:
    try:
        return Addresses.model_validate_json(parameter["Value"])
    except ValidationError as error:
        raise NoResourcesError(f"{parameter['Name']} is no address document: {error.error_count()} faults") from None
