"""The forecast beside what Cost Explorer counted: asked as its API is asked, told by team and service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from moto import mock_aws
from tests.shipped import copied, edit, own_account
from typer.testing import CliRunner

from modelyard.assess.cost.prices import shipped
from modelyard.blueprints import Project
from modelyard.cli.app import app
from modelyard.core.errors import EnvironmentFault, InputError
from modelyard.operate.cost_actual import SERVICES, Counted, Row, counted, shown
from modelyard.operate.costing import Costed, costed
from modelyard.operate.deployments import Place

TODAY = date(2026, 11, 22)
SAGEMAKER, KMS = "Amazon SageMaker", "AWS Key Management Service"
QUEUE = "http://motoapi.amazonaws.com/moto-api/static/ce/cost-and-usage-results"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(copied(tmp_path_factory.mktemp("project")))


@pytest.fixture(scope="module")
def forecast(project: Project) -> list[Costed]:
    return costed(project, environment="local", today=TODAY)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The account of the environment, and a Cost Explorer that answers what is queued."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


def groups(*found: tuple[str, str, str]) -> dict[str, Any]:
    """An answer of GetCostAndUsage: team, service and dollars."""
    listed = [
        {"Keys": [f"team${team}", service], "Metrics": {"UnblendedCost": {"Amount": usd, "Unit": "USD"}}}
        for team, service, usd in found
    ]
    period = {"Start": "2026-10-01", "End": "2026-11-01"}
    return {"ResultsByTime": [{"TimePeriod": period, "Total": {}, "Groups": listed, "Estimated": False}]}


def answers(*pages: dict[str, Any]) -> None:
    response = requests.post(QUEUE, json={"results": list(pages)}, timeout=10)
    assert response.status_code == 201


def where(project: Project) -> Place:
    return Place(project, "local", False, ("platform", "demand", "fraud"), {})


def row(found: Counted, stack: str, service: str) -> Row:
    return next(one for one in found.rows[stack] if one.service == service)


@pytest.mark.usefixtures("aws")
class TestWhatWasCounted:
    def test_stands_beside_the_forecast_by_team_and_service(self, project: Project, forecast: list[Costed]):
        (bill,) = (one.bill for one in forecast if one.stack == "fraud")
        usual = sum((line.low + line.high) / 2 for line in bill.lines if line.what.startswith("sagemaker"))
        own = ("fraud", SAGEMAKER, str(usual)), ("fraud", "X", "9")
        answers(groups(*own, ("demand", SAGEMAKER, "5000"), ("", KMS, "1")))
        found = counted(where(project), lambda: forecast, today=TODAY)
        assert (found.begin, found.end, found.share) == (date(2026, 10, 1), date(2026, 11, 1), 1)
        low, high = row(found, "fraud", SAGEMAKER).forecast
        assert low < row(found, "fraud", SAGEMAKER).actual < high and row(found, "fraud", SAGEMAKER).off == 0
        dear = row(found, "demand", SAGEMAKER)
        assert dear.off == pytest.approx(5000 - dear.forecast[1])
        assert "instances, all hours of sagemaker-hosting: ml.m5.large" in dear.assumes[0]
        assert row(found, "fraud", "X").forecast == (0, 0) and row(found, "fraud", "X").off == 9
        assert row(found, "platform", KMS).actual == 1, "what bears no team is the platform's"

    def test_less_than_the_least_is_told_as_well(self, project: Project, forecast: list[Costed]):
        answers(groups(("fraud", SAGEMAKER, "2")))
        found = row(counted(where(project), lambda: forecast, today=TODAY), "fraud", SAGEMAKER)
        assert found.off == pytest.approx(2 - found.forecast[0]) and found.off < 0

    def test_is_told_with_its_reasons(self, project: Project, forecast: list[Costed]):
        answers(groups(("demand", SAGEMAKER, "5000"), ("demand", "Amazon Bedrock", "40")))
        told = list(shown(counted(where(project), lambda: forecast, today=TODAY)))
        assert told[0] == "local, 2026-10-01 to 2026-10-31"
        assert any(line.startswith("demand: $5,040 counted, $") for line in told)
        (dear,) = (line for line in told if "$5,000  Amazon SageMaker" in line)
        assert "more than forecast" in dear and "which assumes likely-configuration: " in dear
        (strange,) = (line for line in told if "Bedrock" in line)
        assert "isn't in the forecast" in strange
        assert told[-1] == "Asked Cost Explorer 1 times, which costs $0.01."

    def test_comes_in_pages_and_each_request_costs(self, project: Project, forecast: list[Costed]):
        answers(groups(("fraud", KMS, "3")) | {"NextPageToken": "more"}, groups(("fraud", KMS, "4")))
        found = counted(where(project), lambda: forecast, today=TODAY)
        assert row(found, "fraud", KMS).actual == 7
        assert found.as_json()["asked"] == {"requests": 2, "usd": 0.02}

    def test_of_this_month_is_compared_with_its_share(self, project: Project, forecast: list[Costed]):
        answers(groups(("fraud", SAGEMAKER, "500")))
        month = counted(where(project), lambda: forecast, period="this-month", today=TODAY)
        assert (month.begin, month.end, month.share) == (date(2026, 11, 1), TODAY, pytest.approx(21 / 30))
        (bill,) = (one.bill for one in forecast if one.stack == "fraud")
        whole = sum(line.high for line in bill.lines if line.what.startswith("sagemaker"))
        assert row(month, "fraud", SAGEMAKER).forecast[1] == pytest.approx(whole * 21 / 30)
        with pytest.raises(InputError, match="--period: got 'this-month'; has no whole day yet"):
            counted(where(project), priced_too_early, period="this-month", today=date(2026, 11, 1))

    def test_nothing_by_tag_tells_which_tags_to_activate(self, project: Project, forecast: list[Costed]):
        found = counted(where(project), lambda: forecast, today=TODAY)
        assert found.nothing
        told = "\n".join(shown(found))
        assert "update-cost-allocation-tags-status" in told
        assert all(f"TagKey={key},Status=Active" in told for key in ("platform", "environment", "team"))

    def test_of_a_team_in_an_account_of_its_own_is_asked_there(
        self, project: Project, forecast: list[Costed], tmp_path: Path
    ):
        apart = Project(copied(tmp_path))
        edit(apart.team_file("fraud"), own_account)
        answers(groups(("fraud", SAGEMAKER, "900")))
        found = counted(where(apart), lambda: forecast, today=TODAY)
        assert found.alone == ("fraud",) and "fraud" not in found.rows
        assert any("yard cost fraud --actual, signed in there" in line for line in shown(found))
        with pytest.raises(InputError, match="signs in to 123456789012"):
            counted(where(apart), priced_too_early, "fraud", today=TODAY)


def test_the_request_asks_for_our_tags_and_leaves_credits_out(
    aws: None, project: Project, forecast: list[Costed], monkeypatch: pytest.MonkeyPatch
):
    asked: list[dict[str, Any]] = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == "GetCostAndUsage":
            asked.append(json.loads(params["body"]))

    session = boto3.Session(region_name="us-east-1")
    session.events.register("before-call.ce", note)
    monkeypatch.setattr(boto3, "Session", lambda **_: session)
    counted(where(project), lambda: forecast, today=TODAY)
    (one,) = asked
    assert one["TimePeriod"] == {"Start": "2026-10-01", "End": "2026-11-01"}
    assert one["GroupBy"] == [{"Type": "TAG", "Key": "team"}, {"Type": "DIMENSION", "Key": "SERVICE"}]
    said = json.dumps(one["Filter"])
    assert '{"Key": "platform", "Values": ["ml"]}' in said and '{"Key": "environment", "Values": ["local"]}' in said
    assert '{"Not": {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Credit", "Refund"]}}}' in said


def priced_too_early() -> list[Costed]:
    raise AssertionError("what can't be compared needs no price")


def test_without_credentials_it_says_how_to_sign_in_before_it_prices_anything(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(InputError, match=r"Unable to locate credentials.*Sign in to it"):
        counted(where(project), priced_too_early, today=TODAY)


def test_a_refusal_of_aws_says_what_is_needed(
    aws: None, project: Project, forecast: list[Costed], monkeypatch: pytest.MonkeyPatch
):
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "DataUnavailableException", "Message": "no"}}, "GetCostAndUsage")

    session = boto3.Session(region_name="us-east-1")
    session.events.register("before-call.ce.GetCostAndUsage", refuse)
    monkeypatch.setattr(boto3, "Session", lambda **_: session)
    with pytest.raises(EnvironmentFault, match="Open Cost Explorer once"):
        counted(where(project), lambda: forecast, today=TODAY)


def test_every_service_of_the_price_table_that_a_price_uses_has_its_name_in_cost_explorer():
    unused = {"config", "data-transfer"}
    assert set(shipped().services()) - unused - SERVICES.keys() == set()


def test_the_command_refuses_what_it_cannot_write(project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(project.root)
    said = CliRunner().invoke(app, ["cost", "--actual", "--format", "markdown"])
    assert "isn't written of --actual" in str(said.exception)
