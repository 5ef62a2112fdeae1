"""What the commands say where AWS refuses them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from modelyard import Context
from modelyard.core.errors import EnvironmentFault, InputError
from modelyard.operate.models.place import asking

PLATFORM = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
GONE = ("NoSuchBucket", "StateMachineDoesNotExist", "NotFoundException")


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetObject")


@pytest.mark.parametrize("code", GONE)
def test_what_isnt_deployed_says_whose_it_is_and_where(code: str) -> None:
    with pytest.raises(InputError) as said, asking("the thing", of=PLATFORM.for_team("fraud")):
        raise refusal(code)
    assert str(said.value) == "the thing: isn't deployed. Deploy it: yard up fraud --env dev"


def test_what_isnt_deployed_and_belongs_to_nobody_known_names_no_team() -> None:
    with pytest.raises(InputError, match=r"isn't deployed\. Deploy it: yard up$"), asking("the thing"):
        raise refusal("NoSuchBucket")


def test_a_refusal_says_how_to_sign_in_and_a_fault_of_the_connection_that_it_is_one() -> None:
    with pytest.raises(InputError, match="GetObject is refused. Be an auditor."), asking("it", "Be an auditor."):
        raise refusal("AccessDenied")
    with pytest.raises(EnvironmentFault, match="Try again"), asking("it"):
        raise refusal("SlowDown")
    with pytest.raises(EnvironmentFault, match="Check the connection"), asking("it"):
        raise NoCredentialsError
