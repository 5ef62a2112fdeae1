"""The one table of what LocalStack answers itself and what moto answers for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from modelyard_sandbox.accounting import LISTINGS
from modelyard_sandbox.aws.tables import types
from modelyard_sandbox.localstack import services

ROOT = Path(__file__).resolve().parents[2]


USED = {declared.service for declared in types().values()} - {"cloudcontrol"}
"""Cloud Control's types are made by the services that they belong to."""


@pytest.mark.parametrize("name", sorted(USED))
def test_every_service_of_the_sandbox_is_answered_on_localstack_too(name: str):
    assert name in services.table(), "add it to LACKING in modelyard_sandbox/localstack/services.py"


def test_everything_that_is_counted_is_answered():
    assert {listing.service for listing in LISTINGS} <= set(services.table())


def test_a_service_is_in_one_place_of_the_table_and_in_order():
    lists = (services.NATIVE, tuple(services.REPLACED), services.LACKING)
    together = [name for names in lists for name in names]
    assert len(together) == len(set(together))
    for names in lists:
        assert list(names) == sorted(names)


def test_what_executes_is_localstacks_own():
    table = services.table()
    executing = ("cloudwatch", "events", "s3", "sns", "sqs", "stepfunctions")
    assert {table[name] for name in executing} == {"native"}


BARE = """
import sys


class Bare:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("modelyard", "pulumi", "pulumi_aws"):
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, Bare())
from modelyard_sandbox import moto_extensions

moto_extensions.install()
"""


def test_motos_extensions_need_nothing_that_localstacks_environment_lacks():
    subprocess.run([sys.executable, "-c", BARE], cwd=ROOT / "localstack", check=True)


def test_further_ones_join_the_table():
    assert services.table(["rekognition"])["rekognition"] == "bridged"
    assert "rekognition" not in services.table()


def test_the_container_listens_on_the_loopback_interface_only_and_keeps_no_token():
    text = (ROOT / "localstack" / "compose.yaml").read_text()
    service = YAML(typ="safe").load(text)["services"]["localstack"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["environment"]["LOCALSTACK_AUTH_TOKEN"].startswith("${LOCALSTACK_AUTH_TOKEN:?")
    assert service["healthcheck"]["test"][-1].endswith("/_localstack/health")
