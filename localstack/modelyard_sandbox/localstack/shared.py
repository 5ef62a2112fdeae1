"""The LocalStack of this process: what tests deploy to shares one, emptied before each deployment."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from modelyard_sandbox.aws.session import CREDENTIAL, SandboxSession
from modelyard_sandbox.inprocess.calls import Calls
from modelyard_sandbox.localstack.host import ENDPOINT, ENFORCE, LocalStack
from modelyard_sandbox.localstack.services import RESET
from modelyard_sandbox.places import Places
from modelyard_sandbox.servers import LOCALSTACK, Choice, at, free_port


class EndpointSession(SandboxSession):
    """Clients of one region of a LocalStack.

    `assume`: the ARN of a role whose account they work in. `calls` hears all of theirs.
    """

    def __init__(
        self,
        endpoint: str,
        region: str,
        default_tags: Mapping[str, str] | None = None,
        assume: str = "",
        calls: Calls | None = None,
    ) -> None:
        self._endpoint = endpoint
        self.calls = Calls() if calls is None else calls
        variables = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": LocalStack.access_key,
            "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
        }
        roles = [{"roleArn": assume}] if assume else []
        configuration = {"region": region, "defaultTags": {"tags": dict(default_tags or {})}, "assumeRoles": roles}
        super().__init__(configuration, variables)

    def elsewhere(self, region: str, default_tags: Mapping[str, str] | None, assume: str = "") -> EndpointSession:
        """The same LocalStack in another region, with other default tags, or in the account of a role."""
        return EndpointSession(self._endpoint, region, default_tags, assume, self.calls)

    def client(self, service: str, region: str = "") -> Any:
        """The client of a service; made once."""
        return super().client(service, region or self.region)

    def _new_client(self, service: str, region: str) -> Any:
        client = super()._new_client(service, region)
        self.calls.listen(client)
        return client


class Shared:
    """A running LocalStack that deployments of this process go to, one after the other."""

    def __init__(self, endpoint: str, *, ours: bool) -> None:
        self.endpoint = endpoint
        self._ours = ours

    def begin(self) -> None:
        """Empty it, where this process has started it."""
        if self._ours:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            opener.open(f"{self.endpoint}{RESET}", data=b"", timeout=60).close()

    def session(self, region: str) -> EndpointSession:
        """Its clients."""
        return EndpointSession(self.endpoint, region)

    def end(self) -> None:
        """It runs on, for the next deployment."""


def shared() -> Shared:
    """The LocalStack of `MODELYARD_LOCALSTACK_ENDPOINT`, else one of our own, which ends with this process.

    With `MODELYARD_ENFORCE_IAM` it judges requests. Raises `EmulatorError` where it can't be had.
    """
    enforces = os.environ.get(ENFORCE, "") not in ("", "0")
    return _begun(Choice(LOCALSTACK, (), enforces, os.environ.get(ENDPOINT, "").rstrip("/")))


@cache
def _begun(choice: Choice) -> Shared:
    server = LocalStack()
    server.check(choice)
    if choice.external:
        return Shared(choice.external, ours=False)
    folder = tempfile.mkdtemp(prefix="modelyard-localstack-")
    port = free_port(None)
    process = server.start(port, choice, Places(Path(folder)))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(process.stop)
    return Shared(at(port), ours=True)
