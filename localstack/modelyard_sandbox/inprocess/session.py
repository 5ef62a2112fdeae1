"""boto3 clients of moto in this process; what moto doesn't answer goes to a proxy that isn't there."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from botocore.config import Config

from modelyard_sandbox.aws.session import CREDENTIAL, botocore_session, refuse_without
from modelyard_sandbox.inprocess.calls import Calls

ACCOUNT = "123456789012"


_LOCK = threading.Lock()
_NOWHERE = dict.fromkeys(("http", "https"), "http://127.0.0.1:1")


@cache
def _session() -> Any:
    """Made after moto is imported, as moto asks, and kept, as its first client of a service is slow."""
    return botocore_session()


class Session(Protocol):
    """Clients of one region and account of an emulator."""

    region: str
    partition: str
    default_tags: dict[str, str]
    calls: Calls

    @property
    def account(self) -> str:
        """The account's number."""
        ...

    def client(self, service: str, region: str = "") -> Any:
        """The client of a service, in the session's region or another."""
        ...

    def elsewhere(self, region: str, default_tags: Mapping[str, str] | None, assume: str = "") -> Session:
        """The same emulator in another region, with other default tags, or in the account of a role."""
        ...


class InProcessSession:
    """Clients of one region and account; moto must be active.

    `assume`: the ARN of a role whose account they work in. Absent: the sandbox's own. `calls` hears all of them.
    """

    partition = "aws"

    def __init__(
        self,
        region: str,
        default_tags: Mapping[str, str] | None = None,
        assume: str = "",
        calls: Calls | None = None,
    ) -> None:
        self.region = region
        self.account = ACCOUNT
        self.default_tags = dict(default_tags or {})
        self.calls = Calls() if calls is None else calls
        self._session = _session()
        self._clients: dict[tuple[str, str], Any] = {}
        self._credentials: dict[str, str] = {
            "aws_access_key_id": CREDENTIAL,
            "aws_secret_access_key": CREDENTIAL,
        }
        if assume:
            self._assume(assume)

    def _assume(self, role: str) -> None:
        got = self.client("sts").assume_role(RoleArn=role, RoleSessionName="modelyard-sandbox")["Credentials"]
        self._credentials = {
            "aws_access_key_id": got["AccessKeyId"],
            "aws_secret_access_key": got["SecretAccessKey"],
            "aws_session_token": got["SessionToken"],
        }
        self._clients.clear()
        refuse_without(role, self.client("iam"))
        self.account = self.client("sts").get_caller_identity()["Account"]

    def elsewhere(self, region: str, default_tags: Mapping[str, str] | None, assume: str = "") -> InProcessSession:
        """The same moto in another region, with other default tags, or in the account of a role."""
        return InProcessSession(region, default_tags, assume, self.calls)

    def client(self, service: str, region: str = "") -> Any:
        """The client of a service; made once."""
        where = region or self.region
        with _LOCK:
            if (service, where) not in self._clients:
                client = self._session.create_client(
                    service,
                    region_name=where,
                    config=Config(proxies=_NOWHERE, ignore_configured_endpoint_urls=True, inject_host_prefix=False),
                    **self._credentials,
                )
                self.calls.listen(client)
                self._clients[service, where] = client
            return self._clients[service, where]
