"""A provider over moto in this process, and resources that are led through their whole life by it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws

from modelyard_sandbox import moto_extensions
from modelyard_sandbox.aws.diff import Difference
from modelyard_sandbox.aws.provider import Found, Provider, ProviderError
from modelyard_sandbox.aws.tables import types

ACCOUNT = "123456789012"
REGION = "eu-west-1"


class MotoSession:
    """Clients of the moto that is patched into this process."""

    region = REGION
    account = ACCOUNT
    partition = "aws"

    def __init__(self) -> None:
        self.default_tags: dict[str, str] = {}

    def client(self, service: str, region: str) -> Any:
        return _client(service, region)


@cache
def _client(service: str, region: str) -> Any:
    """One client for all tests: a client of EC2 takes longer to make than a test to run."""
    keys = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox"}
    return boto3.client(service, region_name=region, **keys)


class Made:
    """A resource that was created: its id, inputs and state as the engine would hold them."""

    def __init__(self, provider: Provider, token: str, inputs: dict[str, Any]) -> None:
        self.provider = provider
        self.token = token
        self.urn = f"urn:pulumi:dev::test::{token}::thing"
        self.inputs = self._checked({}, inputs)
        self.id, self.state = provider.create(token, self.urn, self.inputs, preview=False)
        self.given = inputs

    def __getitem__(self, prop: str) -> Any:
        return self.state[prop]

    def _checked(self, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
        inputs, refused = self.provider.check(self.token, self.urn, olds, news, b"seed")
        assert not refused
        return inputs

    def forecast(self, **changes: Any) -> Difference:
        """What an update with `changes` (None takes away) would change."""
        wanted = {prop: value for prop, value in {**self.given, **changes}.items() if value is not None}
        news = self._checked(self.inputs, wanted)
        return self.provider.diff(self.token, self.inputs, self.state, news)

    def update(self, **changes: Any) -> None:
        """Bring it to `changes` in place, and see that nothing is left to do."""
        difference = self.forecast(**changes)
        assert difference.changed == set(changes) and not difference.replaces, difference
        self.given = {prop: value for prop, value in {**self.given, **changes}.items() if value is not None}
        news = self._checked(self.inputs, self.given)
        self.state = self.provider.update(self.token, self.id, self.urn, self.inputs, self.state, news, preview=False)
        self.inputs = news
        self.settled()

    def read(self) -> Found | None:
        """What a refresh finds."""
        return self.provider.read(self.token, self.id, self.urn, self.inputs, self.state)

    def settled(self) -> None:
        """Neither a second `up` nor one after a refresh has anything to do."""
        assert not self.forecast().changed
        found = self.read()
        assert found is not None
        drift = {prop: (found.state[prop], self.state.get(prop)) for prop in found.state}
        assert {prop: pair for prop, pair in drift.items() if pair[0] != pair[1]} == {}
        news = self._checked(found.inputs, self.given)
        assert not self.provider.diff(self.token, found.inputs, found.state, news).changed

    def imported(self, id: str) -> Found:
        """What an import by `id` finds: the same id and state, and inputs that hold all that was given."""
        found = self.provider.read(self.token, id, self.urn, {}, {})
        assert found is not None
        assert found.id == self.id
        defaults = types()[self.token].defaults
        for prop, given in self.given.items():
            assert _holds(found.inputs.get(prop, defaults.get(prop)), given), prop
        adopting = self.provider.diff(self.token, found.inputs, found.state, self._checked(found.inputs, self.given))
        assert not adopting.changed, "an import of what is as written has nothing to do"
        return found

    def delete(self) -> None:
        """Delete it; a refresh says that it is gone."""
        self.provider.delete(self.token, self.id, self.urn, self.state)
        assert self.read() is None


def _holds(found: Any, given: Any) -> bool:
    """Whether all that was given is found, and maybe more that AWS added."""
    if isinstance(found, dict) and isinstance(given, dict):
        return all(_holds(found.get(key), value) for key, value in given.items())
    return found == given


class Cloud:
    """An empty account; `refused` is what a faulty call is answered with."""

    def __init__(self) -> None:
        self.session = MotoSession()
        self.provider = Provider(self.session)

    def client(self, service: str) -> Any:
        return self.session.client(service, REGION)

    def make(self, token: str, **inputs: Any) -> Made:
        """A resource, settled after its creation."""
        made = Made(self.provider, token, inputs)
        made.settled()
        return made

    def refused(self, token: str, **inputs: Any) -> str:
        """The message with which the service refuses to create it."""
        with pytest.raises(ProviderError) as caught:
            Made(self.provider, token, inputs)
        return str(caught.value)

    def refuses_to_delete(self, made: Made) -> str:
        """The message with which the service refuses to delete it."""
        with pytest.raises(ProviderError) as caught:
            made.delete()
        return str(caught.value)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    moto_extensions.install()
    with mock_aws():
        yield Cloud()
