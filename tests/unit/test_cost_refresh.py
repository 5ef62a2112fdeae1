"""Prices from AWS's own list: asked page by page, kept whole or not at all, and used from then on."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.shipped import copied
from typer.testing import CliRunner

from modelyard.assess.cost.price_list import METERS, product
from modelyard.assess.cost.prices import PRICE_LIST, current, shipped
from modelyard.blueprints import Project
from modelyard.cli.app import app
from modelyard.core.errors import EnvironmentFault
from modelyard.operate.cost_refresh import refreshed

REGION, TODAY = "eu-west-1", date(2027, 10, 1)
BROKEN = "no JSON at all"


def listed(code: str, *rates: tuple[str, str], region: str = REGION, family: str = "", **attributes: str) -> str:
    """A product in the form in which GetProducts answers; `rates`: begin and dollars of each tier."""
    dimensions = {
        f"SKU.JRTCKXETXF.{index}": {
            "unit": "Hrs",
            "beginRange": begin,
            "endRange": "Inf",
            "description": "as AWS words it",
            "appliesTo": [],
            "pricePerUnit": {"USD": usd},
        }
        for index, (begin, usd) in enumerate(rates)
    }
    term = {"offerTermCode": "JRTCKXETXF", "sku": "SKU", "priceDimensions": dimensions, "termAttributes": {}}
    said = {"servicecode": code, "regionCode": region, "locationType": "AWS Region", **attributes}
    return json.dumps(
        {
            "product": {"productFamily": family, "attributes": said, "sku": "SKU"},
            "serviceCode": code,
            "terms": {"OnDemand": {"SKU.JRTCKXETXF": term}},
            "version": "20271001000000",
            "publicationDate": "2027-10-01T00:00:00Z",
        }
    )


def machine(kind: str, usd: str) -> str:
    return listed(
        "AmazonEC2",
        ("0", usd),
        family="Compute Instance",
        instanceType=kind,
        operatingSystem="Linux",
        tenancy="Shared",
        preInstalledSw="NA",
        capacitystatus="Used",
        marketoption="OnDemand",
    )


def hosted(kind: str, usd: str, component: str = "Hosting") -> str:
    return listed(
        "AmazonSageMaker", ("0", usd), family="ML Instance", instanceName=kind, component=component, usagetype="x"
    )


PRODUCTS = [
    machine("m5.large", "0.1234"),
    machine("m5.xlarge", "0.25"),
    machine("x99.large", "1"),
    hosted("ml.m5.large", "0.2"),
    hosted("ml.m5.large", "0.21", component="Training"),
    listed("awskms", ("0", "0.0000030000"), usagetype="EU-KMS-Requests"),
    listed("awskms", ("0", "1.1"), usagetype="eu-west-1-KMS-Keys"),
    listed("AmazonS3", ("0", "0.024"), ("51200", "0.022"), usagetype="EU-TimedStorage-ByteHrs"),
    listed("AmazonDynamoDB", ("0", "0"), ("25", "0.283"), usagetype="EU-TimedStorage-ByteHrs"),
    listed("AWSLambda", ("0", "0.0000002"), usagetype="EU-Request"),
    listed("AWSLambda", ("0", "0.0000003"), usagetype="EU-Request"),
]


class Prices(ThreadingHTTPServer):
    """Answers GetProducts two products a page."""

    def __init__(self, products: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.products = products
        self.throttles = 0
        self.refuses = ""
        self.asked: list[dict[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Prices  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["X-Amz-Target"] == "AWSPriceListService.GetProducts"
        self.server.asked.append(asked)
        if self.server.refuses and asked["ServiceCode"] == self.server.refuses:
            self.answer(400, {"__type": "AccessDeniedException", "Message": "not authorized to GetProducts"})
        elif self.server.throttles:
            self.server.throttles -= 1
            self.answer(400, {"__type": "ThrottlingException", "Message": "Rate exceeded"})
        else:
            found = [text for text in self.server.products if self.fits(text, asked)]
            begin = int(asked.get("NextToken", 0))
            page: dict[str, Any] = {"FormatVersion": "aws_v1", "PriceList": found[begin : begin + 2]}
            self.answer(200, {**page, "NextToken": str(begin + 2)} if begin + 2 < len(found) else page)

    def fits(self, text: str, asked: dict[str, Any]) -> bool:
        if text == BROKEN:
            return asked["ServiceCode"] == "awskms"
        said = json.loads(text)
        attributes = {**said["product"]["attributes"], "productFamily": said["product"]["productFamily"]}
        wanted = {each["Field"]: each["Value"] for each in asked["Filters"] if each["Type"] == "TERM_MATCH"}
        return said["serviceCode"] == asked["ServiceCode"] and wanted.items() <= attributes.items()

    def answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Prices]:
    server = Prices(list(PRODUCTS))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", f"http://127.0.0.1:{server.server_port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "made-up")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(copied(tmp_path))


def usd(project: Project, service: str, item: str) -> float | None:
    found = current(project.root, TODAY).get(service, item, REGION)
    return found.usd if found else None


def test_what_aws_lists_is_used_from_then_on(aws: Prices, project: Project):
    heard: list[str] = []
    found = refreshed(project, today=TODAY, tell=heard.append)
    assert usd(project, "ec2", "m5.large") == 0.1234
    assert usd(project, "sagemaker-hosting", "ml.m5.large") == 0.2
    assert usd(project, "sagemaker-training", "ml.m5.large") == 0.21
    assert usd(project, "kms", "requests") == pytest.approx(0.03), "AWS prices one, the table ten thousand"
    assert usd(project, "s3", "standard storage first 50 TB") == 0.024, "the first tier"
    assert usd(project, "dynamodb", "storage standard") == 0.283, "the first tier that costs anything"
    price = current(project.root, TODAY).get("ec2", "m5.large", REGION)
    assert price and (price.source, price.as_of, price.quality) == (PRICE_LIST, "2027-10-01", "listed")
    assert found.prices == 8 and found.path == project.root / "prices.csv"
    assert "AmazonEC2 in eu-west-1" in heard


def test_each_query_is_asked_to_its_last_page(aws: Prices, project: Project):
    refreshed(project, today=TODAY)
    tokens = [asked.get("NextToken") for asked in aws.asked if asked["ServiceCode"] == "AmazonEC2"]
    assert tokens.count("2") == 1, "three machines, two a page"
    assert {asked["FormatVersion"] for asked in aws.asked} == {"aws_v1"}


def test_a_list_that_says_two_things_or_nothing_leaves_what_was_known(aws: Prices, project: Project):
    found = refreshed(project, today=TODAY)
    known = shipped().get("lambda", "requests", REGION)
    assert known and usd(project, "lambda", "requests") == known.usd
    assert ("lambda", "requests") in found.kept[REGION], "two prices for one item"
    assert ("athena", "sql scanned") in found.kept[REGION], "none"


def test_being_asked_to_slow_down_is_no_failure(aws: Prices, project: Project):
    aws.throttles = 1
    assert refreshed(project, today=TODAY).prices
    assert aws.asked[0] == aws.asked[1], "asked again"


@pytest.mark.parametrize(
    "text",
    ["no JSON", "[]", "null", '{"product": {}}', listed("awskms", ("0", "a lot")), listed("awskms", ("x", "1"))],
)
def test_what_is_no_product_says_so(text: str):
    with pytest.raises(ValueError, match="is no product"):
        product(text)


def test_what_cannot_be_read_is_told_and_the_rest_is_kept(aws: Prices, project: Project):
    aws.products.insert(0, BROKEN)
    found = refreshed(project, today=TODAY)
    assert found.unreadable == 1 and usd(project, "kms", "customer key") == 1.1
    assert any("1 products of the list couldn't be read" in line for line in found.shown())


def test_a_refusal_half_way_leaves_the_file_as_it_was(aws: Prices, project: Project):
    refreshed(project, today=TODAY)
    before = (project.root / "prices.csv").read_text()
    aws.products[0] = machine("m5.large", "9")
    aws.refuses = "awskms"
    with pytest.raises(EnvironmentFault, match=r"awskms.*can't be read.*not authorized.*pricing:GetProducts"):
        refreshed(project, today=TODAY)
    assert (project.root / "prices.csv").read_text() == before
    assert [path.name for path in project.root.glob(".prices*")] == []


def test_an_empty_list_is_no_refresh(aws: Prices, project: Project):
    aws.products.clear()
    with pytest.raises(EnvironmentFault, match="lists no price of what we use"):
        refreshed(project, today=TODAY)
    assert not (project.root / "prices.csv").exists()


def test_without_credentials_it_says_what_to_do(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(EnvironmentFault, match=r"Unable to locate credentials.*Sign in with a role"):
        refreshed(project, today=TODAY)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(EnvironmentFault, match="nobody"):
        refreshed(project, today=TODAY)


def test_rows_of_ones_own_stay_and_win(aws: Prices, project: Project):
    head = "service,item,region,usd,unit,kind,source,as_of,quality"
    own = f"ec2,m5.large,{REGION},0.08,hour,on-demand,our contract,2026-11,listed"
    old = f"ec2,m5.2xlarge,{REGION},7,hour,on-demand,{PRICE_LIST},2025-01-01,listed"
    (project.root / "prices.csv").write_text(f"{head}\n{own}\n{old}\n")
    refreshed(project, today=TODAY)
    assert usd(project, "ec2", "m5.large") == 0.08
    assert usd(project, "ec2", "m5.2xlarge") != 7, "what was listed before and isn't now is gone"


def test_only_what_is_new_or_changed_is_counted_as_such(aws: Prices, project: Project):
    refreshed(project, today=TODAY)
    assert refreshed(project, today=TODAY).changed == 0
    aws.products[0] = machine("m5.large", "0.5")
    assert refreshed(project, today=TODAY).changed == 1


def test_the_command_refreshes_and_prices_with_what_it_found(
    aws: Prices, project: Project, monkeypatch: pytest.MonkeyPatch
):
    aws.products.append(hosted("ml.m5.large", "0.2", component="Processing"))
    monkeypatch.chdir(project.root)
    said = CliRunner().invoke(app, ["cost", "demand", "--env", "dev", "--refresh", "--json"])
    assert said.exit_code == 0, said.output
    shown = json.loads(said.stdout)
    assert shown["refreshed"]["path"].endswith("prices.csv")
    assert {line["source"] for line in shown["stacks"][0]["lines"]} >= {PRICE_LIST}


def test_every_item_of_a_meter_is_one_of_the_table():
    known = {(service, item) for service, item, *_ in shipped().prices}
    assert [(meter.service, meter.item) for meter in METERS if (meter.service, meter.item) not in known] == []
