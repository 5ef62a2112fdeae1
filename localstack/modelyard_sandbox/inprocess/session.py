"""boto3 clients of moto in this process; what moto doesn't answer goes to a proxy that isn't there."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.config import Config

from modelyard_sandbox.aws.session import CREDENTIAL, botocore_session

ACCOUNT = "123456789012"


_LOCK = threading.Lock()
_NOWHERE = dict.fromkeys(("http", "https"), "http://127.0.0.1:1")


@cache
def _session() -> Any:
    """Made after moto is imported, as moto asks, and kept, as its first client of a service is slow."""
    return botocore_session()


class InProcessSession:
    """Clients of one region and account; moto must be active."""

    partition = "aws"

    def __init__(self, region: str, default_tags: Mapping[str, str] | None = None) -> None:
        self.region = region
        self.account = ACCOUNT
        self.default_tags = dict(default_tags or {})
        self._session = _session()
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str = "") -> Any:
        """The client of a service; made once."""
        where = region or self.region
        with _LOCK:
            if (service, where) not in self._clients:
                client = self._session.create_client(
                    service,
                    region_name=where,
                    aws_access_key_id=CREDENTIAL,
                    aws_secret_access_key=CREDENTIAL,
                    config=Config(proxies=_NOWHERE, ignore_configured_endpoint_urls=True, inject_host_prefix=False),
                )
                self._clients[service, where] = client
            return self._clients[service, where]
