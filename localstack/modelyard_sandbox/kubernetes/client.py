"""Requests to an API server in plain JSON, by the official client; what isn't a success raises its `ApiException`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from urllib3 import Retry

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

AGAIN: Final = Retry(
    3,
    connect=0,
    read=0,
    redirect=0,
    status_forcelist=(504,),
    allowed_methods=("GET", "PATCH", "DELETE"),
    raise_on_status=False,
)
"""What a busy API server had no time for is asked again, where asking twice changes nothing."""


def connected(kubeconfig: Path) -> ApiClient:
    """A client of the cluster that `kubeconfig` leads to."""
    from kubernetes.client import Configuration
    from kubernetes.config import new_client_from_config

    patient: Any = Configuration()
    patient.retries = AGAIN
    return new_client_from_config(str(kubeconfig), client_configuration=patient)


def get(api: ApiClient, path: str, accept: str = "application/json") -> Any:
    """What lies at `path`."""
    return _call(api, "GET", path, {"Accept": accept})


def apply(api: ApiClient, path: str, body: Mapping[str, Any], manager: str) -> Any:
    """Server-side apply at an object's `path`, strictly: a field that the schema lacks is refused."""
    query = {"fieldManager": manager, "fieldValidation": "Strict", "force": "true"}
    headers = {"Accept": "application/json", "Content-Type": "application/apply-patch+yaml"}
    return _call(api, "PATCH", path, headers, query, body)


def _call(
    api: ApiClient,
    method: str,
    path: str,
    headers: Mapping[str, str],
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Any:
    from kubernetes.client import ApiException

    asked = api.param_serialize(
        method,
        path,
        query_params=list((query or {}).items()),
        header_params=dict(headers),
        body=body,
        auth_settings=["BearerToken"],
    )
    answer = api.call_api(*asked)
    said = answer.read()
    if not 200 <= answer.status < 300:
        raise ApiException.from_response(http_resp=answer, body=said.decode(errors="replace"), data=None)
    return json.loads(said)
