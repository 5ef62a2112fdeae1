"""boto3 clients that reach an environment: the user's cloud in the account that the file names, or the emulator."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelyard.core.errors import Fault, InputError

if TYPE_CHECKING:
    from modelyard.operate.deployments import Place


@dataclass(slots=True)
class Cloud:
    """The services of `place`'s environment, as the caller's credentials may use them.

    `account` and `region` are the environment's; absent, the platform's. A caller of another account is refused with
    `InputError` before anything is asked of a service.
    """

    place: Place
    account: str = ""
    region: str = ""
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict[tuple[str, str], Any], repr=False)
    _checked: bool = False

    def __post_init__(self) -> None:
        spec = self.place.project.platform(self.place.environment)
        self.account = self.account or spec.account
        self.region = self.region or spec.region

    def client(self, service: str, region: str = "") -> Any:
        """The boto3 client of `service` in `region`; absent, in the environment's."""
        if not self._checked:
            self._checked = True
            self._refuse_another_account()
        return self._client(service, region or self.region)

    def _client(self, service: str, region: str) -> Any:
        key = (service, region)
        if key not in self._clients:
            import boto3

            variables = {name: value for name, value in self.place.variables.items() if value is not None}
            if self.place.sandbox:
                session = boto3.Session(
                    aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
                    region_name=region,
                )
                self._clients[key] = session.client(service, endpoint_url=variables["AWS_ENDPOINT_URL"])
            else:
                self._clients[key] = boto3.Session(region_name=region).client(service)
        return self._clients[key]

    def _refuse_another_account(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        spec = self.place.project.platform(self.place.environment)
        source = spec.source("account")
        try:
            caller = self._client("sts", self.region).get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            raise InputError(
                Fault(
                    f"the account can't be reached: {error}",
                    "Sign in to it: aws sso login, or set AWS_PROFILE.",
                    source,
                    self.account,
                )
            ) from None
        if caller != self.account:
            profile = os.environ.get("AWS_PROFILE", "the default profile")
            raise InputError(
                Fault(
                    f"is the account of {self.place.environment}, and {profile} signs in to {caller}",
                    "Sign in to the environment's account: set AWS_PROFILE.",
                    source,
                    self.account,
                )
            )
