"""Cloud Control's GetResource, and the schemas that CloudFormation publishes of its types.

Moto has no Cloud Control at all. A resource is read as the stand-in provider reads it, by the table of CloudFormation
types, so that both show the same. Sources: cloudcontrolapi/latest/APIReference/API_GetResource,
AWSCloudFormation/latest/APIReference/API_DescribeType.
"""

from __future__ import annotations

import json
import os
import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any, Final

from moto import backend_index
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, BaseResponse

_SERVICE: Final = "cloudcontrol"
_URL: Final = r"https?://cloudcontrolapi\.(.+)\.amazonaws\.com"
_PORT: Final = "MOTO_PORT"


class CloudControlBackend(BaseBackend):
    """Holds nothing: what there is, the services hold."""

    @property
    def _url_module(self) -> Any:
        return SimpleNamespace(url_bases=[_URL], url_paths={"{0}/$": CloudControlResponse.dispatch})


cloudcontrol_backends = BackendDict(CloudControlBackend, _SERVICE)


class _Caller:
    """Clients of this very server, as whoever called it."""

    partition = "aws"
    default_tags: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, response: BaseResponse) -> None:
        self.region, self.account = response.region, response.current_account
        self._key = response.access_key

    def client(self, service: str, region: str) -> Any:
        """A client of `service`."""
        from modelyard_sandbox.aws.session import CREDENTIAL, botocore_session

        return botocore_session().create_client(
            service,
            region_name=region,
            endpoint_url=f"http://127.0.0.1:{os.environ[_PORT]}",
            aws_access_key_id=self._key,
            aws_secret_access_key=CREDENTIAL,
        )


class CloudControlResponse(BaseResponse):
    """What Cloud Control answers."""

    def __init__(self) -> None:
        super().__init__(service_name=_SERVICE)

    def get_resource(self) -> str:
        """GetResource."""
        from modelyard_sandbox.aws.live import Live
        from modelyard_sandbox.aws.tables.cloudcontrol import CLOUDFORMATION

        name, identifier = self._get_param("TypeName"), self._get_param("Identifier")
        if name not in CLOUDFORMATION:
            raise JsonRESTError("TypeNotFoundException", f"The type {name} cannot be found.")
        found = Live(CLOUDFORMATION[name], _Caller(self), id=identifier).read()
        if found is None:
            problem = f"Resource of type '{name}' with identifier '{identifier}' was not found."
            raise JsonRESTError("ResourceNotFoundException", problem)
        described = {"Identifier": identifier, "Properties": json.dumps(found, sort_keys=True, default=str)}
        return json.dumps({"TypeName": name, "ResourceDescription": described})


def describe_type(self: Any) -> ActionResult:
    """DescribeType, of a public type of AWS's."""
    from modelyard_sandbox.knowledge.cloudformation import schema

    name = self._get_param("TypeName")
    published = schema(name)
    if published is None:
        raise ValidationError(message=f"The type '{name}' cannot be found.")
    return ActionResult({"Type": "RESOURCE", "TypeName": name, "Schema": json.dumps(published)})


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    CloudFormationResponse.describe_type = describe_type  # type: ignore[attr-defined]
    if f"moto.{_SERVICE}" in sys.modules:
        return
    made = ModuleType(f"moto.{_SERVICE}")
    made.cloudcontrol_backends = cloudcontrol_backends  # type: ignore[attr-defined]
    sys.modules[made.__name__] = made
    backend_index.backend_url_patterns.append((_SERVICE, re.compile(_URL)))
