"""Requests of the emulator that come at a time don't trip over one another."""

from __future__ import annotations

from typing import Any

import pytest
from moto.core.responses import BaseResponse
from moto.iam.models import IAMBackend

from modelyard_sandbox import moto_extensions

ACCOUNT = "123456789012"


class Looks(BaseResponse):
    """An action that finds what it looks through changed, so many times."""

    def __init__(self, action: str, times: int) -> None:
        super().__init__(service_name="sqs")
        self.headers, self.response_headers, self.querystring = {}, {}, {"Action": [action]}
        self.tried, self._times = 0, times

    def _authenticate_and_authorize_normal_action(self, resource: str = "*") -> None:
        """Everybody may."""

    def list_queues(self) -> str:
        """Goes through a dictionary that another request changes."""
        self.tried += 1
        if self.tried <= self._times:
            raise RuntimeError("dictionary changed size during iteration")
        return "all of them"

    create_queue = list_queues


@pytest.fixture(autouse=True)
def installed() -> None:
    moto_extensions.install()


def test_a_read_is_done_again_where_what_it_looked_through_changed():
    looks: Any = Looks("ListQueues", 2)
    assert looks.call_action()[2] == "all of them"
    assert looks.tried == 3


def test_a_change_is_never_done_twice():
    looks: Any = Looks("CreateQueue", 1)
    with pytest.raises(RuntimeError, match="during iteration"):
        looks.call_action()
    assert looks.tried == 1


def test_roles_are_made_while_another_request_looks_through_them():
    backend: Any = IAMBackend("aws", ACCOUNT)

    def made(name: str) -> str:
        return backend.create_role(name, "{}", "/", None, "", [], 3600).name

    names = [made("a"), made("b")]
    looking = iter(backend.get_roles())
    seen = [next(looking).name]
    made("c")
    seen += [role.name for role in looking]
    assert seen == names
