"""What a stack costs: each meter by its price, from least to most, and what has no price is never free."""

from __future__ import annotations

import json
import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.shipped import ROOT, copied, edit
from typer.testing import CliRunner

from modelyard.assess.cost.bill import HOURS, Bill
from modelyard.assess.cost.estimates import ESTIMATES
from modelyard.assess.cost.free import FREE
from modelyard.assess.cost.prices import COLUMNS, PRICE_LIST, PriceTable, Quality, current, outdated, read, shipped
from modelyard.assess.cost.pricing import bill_of
from modelyard.assess.graph.model import CLOUD_CONTROL_TYPE
from modelyard.assess.graph.values import UNKNOWN
from modelyard.assess.policy.examples import graph_of, part
from modelyard.assess.policy.subject import Stack, Surroundings
from modelyard.blueprints import Project, Range, UsageSpec
from modelyard.cli import main
from modelyard.cli.app import app
from modelyard.core.errors import InputError
from modelyard.core.sdk import resource_type
from modelyard.operate.cost_texts import markdown, shown
from modelyard.operate.costing import Costed, costed, summed, total
from modelyard_sandbox.aws.tables import types

REGION, TODAY = "eu-west-1", date(2026, 11, 22)
CONFIGURATION = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
TARGET = "aws:appautoscaling/target:Target"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Costed]:
    """A shipped team in all its environments."""
    return costed(Project(copied(tmp_path_factory.mktemp("project"))), what="demand", today=TODAY)


def bill(*parts: Any, usage: UsageSpec | None = None, region: str = REGION, prices: PriceTable | None = None) -> Bill:
    return bill_of(Stack(graph_of(parts), Surroundings(region=region, usage=usage, prices=prices)))


def usd(service: str, item: str) -> float:
    price = shipped().get(service, item, REGION)
    assert price is not None
    return price.usd


def variant(name: str = "main", **changes: Any) -> dict[str, Any]:
    return {"variantName": name, "instanceType": "ml.m5.large", "initialInstanceCount": 2, **changes}


def test_an_endpoint_costs_its_instances_for_all_hours():
    found = bill(part(CONFIGURATION, productionVariants=[variant()]))
    assert found.low == found.high == pytest.approx(2 * HOURS * usd("sagemaker-hosting", "ml.m5.large"))
    assert found.lines[0].assumes == "2 to 2 instances, all hours"


def test_autoscaling_makes_it_a_range():
    endpoint = part("modelyard:serving:InferenceEndpoint", "score")
    configuration = part(CONFIGURATION, "conf", parent="score", productionVariants=[variant()])
    target = part(TARGET, "scaling", parent="score", resourceId="endpoint/e/variant/main", minCapacity=1, maxCapacity=4)
    hour = usd("sagemaker-hosting", "ml.m5.large") * HOURS
    found = bill(endpoint, configuration, target)
    assert (found.low, found.high) == (pytest.approx(hour), pytest.approx(4 * hour))
    other = part(TARGET, "scaling", parent="score", resourceId="endpoint/e/variant/b", minCapacity=1, maxCapacity=4)
    assert bill(endpoint, configuration, other).low == pytest.approx(2 * hour), "of another variant"


def test_a_serverless_endpoint_costs_what_it_is_called():
    one = variant(serverlessConfig={"memorySizeInMb": 2048, "maxConcurrency": 5})
    usage = UsageSpec(endpoint_calls_m=Range(low=1, high=2), call_seconds=Range(low=0.1, high=0.1))
    found = bill(part(CONFIGURATION, productionVariants=[one]), usage=usage)
    second = usd("sagemaker", "serverless inference memory")
    assert found.low == pytest.approx(1_000_000 * 0.1 * 2 * second)
    assert found.high == pytest.approx(2 * found.low)


def test_an_interface_endpoint_costs_in_each_zone_and_a_gateway_nothing():
    kind = "aws:ec2/vpcEndpoint:VpcEndpoint"
    usage = UsageSpec(network_gb=Range(low=0, high=0))
    interface = bill(part(kind, vpcEndpointType="Interface", subnetIds=["a", "b", "c"]), usage=usage)
    assert interface.high == pytest.approx(3 * HOURS * usd("vpc", "interface endpoint (per az)"))
    assert bill(part(kind, vpcEndpointType="Gateway")).lines == ()


def test_usage_says_how_much_and_its_default_is_an_assumption_that_is_told():
    bucket = part("aws:s3/bucket:Bucket", "raw")
    some = UsageSpec(bucket_gb=Range(low=1000, high=1000), bucket_requests_k=Range(low=0, high=0))
    found = bill(bucket, usage=some)
    assert found.high == pytest.approx(1000 * usd("s3", "standard storage first 50 TB"))
    assert bill(bucket).lines[0].assumes == "1 to 100 gb-month"


def test_what_has_no_price_is_unknown_and_never_free():
    found = bill(part("aws:quicksight/dashboard:Dashboard", "board"), part("aws:iam/role:Role", "role"))
    assert [(each.what, each.why) for each in found.unknown] == [
        ("aws:quicksight/dashboard:Dashboard", "nobody here knows what it costs")
    ]
    assert found.lines == ()
    strange = bill(part(CONFIGURATION, productionVariants=[variant(instanceType="ml.x9.large")]))
    assert strange.unknown[0].why == f"there is no price of it in {REGION}" and not strange.lines
    elsewhere = bill(part("aws:kms/key:Key", "key"), region="mars-1")
    assert {each.why for each in elsewhere.unknown} == {"there is no price of it in mars-1"}


def test_what_only_the_deployment_tells_is_unknown_too():
    found = bill(part(CONFIGURATION, productionVariants=[variant(instanceType=UNKNOWN)]))
    assert "isn't known before the deployment" in found.unknown[0].why


def test_a_bill_is_summed_by_outermost_component_and_by_quality():
    found = bill(
        part("modelyard:data:DataLake", "lake"),
        part("aws:s3/bucket:Bucket", "raw", parent="lake"),
        part("aws:s3/bucket:Bucket", "curated", parent="lake"),
        part("aws:kms/key:Key", "key"),
    )
    components = found.by_component()
    assert list(components) == ["lake", "key"], "the dearest first"
    assert sum(high for _, high in components.values()) == pytest.approx(found.high)
    assert sum(found.by_quality().values()) == pytest.approx(found.high)


@pytest.mark.parametrize("kind", sorted({*ESTIMATES, *FREE}))
def test_every_type_that_has_a_price_or_none_is_one_of_the_providers(kind: str):
    assert kind.startswith(("AWS::", "kubernetes:")) or resource_type(kind).token == kind
    assert (kind in ESTIMATES) != (kind in FREE)


def test_every_type_that_the_sandbox_makes_has_a_price_or_costs_nothing():
    assert types().keys() - {CLOUD_CONTROL_TYPE} <= {*ESTIMATES, *FREE}


class TestTheTable:
    def test_one_that_is_too_old_ends_the_command_with_what_to_do(self, tmp_path: Path):
        with pytest.raises(InputError, match=r"is older than a year.*yard cost --refresh") as refusal:
            costed(Project(copied(tmp_path)), what="platform", environment="dev", today=date(2028, 1, 1))
        assert refusal.value.exit_code == 2

    def test_every_figure_says_where_it_comes_from(self):
        prices = shipped().prices.values()
        assert len(prices) > 2500
        assert all(price.source and price.as_of and price.usd >= 0 for price in prices)
        assert {price.quality for price in prices} == set(Quality)

    def test_one_older_than_a_year_says_nothing_about_today(self, tmp_path: Path):
        assert current(tmp_path, date(2027, 11, 2)).prices
        old = current(tmp_path, date(2027, 11, 3))
        assert not old.prices
        (fault,) = outdated(old)
        assert "is older than a year" in str(fault) and "yard cost --refresh" in fault.remedy

    def test_what_was_refreshed_outlives_what_shipped(self, tmp_path: Path):
        row = f"kms,customer key,{REGION},2,key-month,on-demand,{PRICE_LIST},2027-10-01,listed"
        self.written(tmp_path / "prices.csv", row)
        later = current(tmp_path, date(2027, 11, 3))
        assert [price.usd for price in later.prices.values()] == [2]
        assert later.compiled == date(2027, 10, 1)
        both = current(tmp_path, date(2027, 10, 2))
        price = both.get("kms", "customer key", REGION)
        assert price is not None and price.usd == 2 and both.get("kms", "requests", REGION)
        assert not current(tmp_path, date(2028, 10, 3)).prices, "and gets old, too"

    def test_a_discount_is_off_what_is_listed_and_never_off_what_is_paid(self, tmp_path: Path):
        paid = f"kms,customer key,{REGION},0.8,key-month,on-demand,our contract,2026-11,listed"
        self.written(tmp_path / "prices.csv", paid)
        table = current(tmp_path, TODAY, discounts={"kms": 0.25, "s3": 0.5})
        own, listed, other = (
            table.get("kms", "customer key", REGION),
            table.get("s3", "standard get", REGION),
            table.get("lambda", "requests", REGION),
        )
        assert own and own.usd == 0.8
        assert listed and listed.usd == pytest.approx(usd("s3", "standard get") / 2)
        assert other and other.usd == usd("lambda", "requests")

    def test_a_day_that_is_none_is_told(self, tmp_path: Path):
        self.written(tmp_path / "prices.csv", f"a,b,c,1,u,on-demand,{PRICE_LIST},lately,listed")
        with pytest.raises(InputError, match="got 'lately'; is no day"):
            current(tmp_path, TODAY)

    def written(self, path: Path, *rows: str, head: str = ",".join(COLUMNS)) -> Path:
        path.write_text("\n".join((head, *rows)) + "\n")
        return path

    def test_a_companys_own_prices_lie_over_the_shipped_ones(self, tmp_path: Path):
        own = self.written(
            tmp_path / "own.csv", f"kms,customer key,{REGION},0.5,key-month,on-demand,our contract,2026-11,listed"
        )
        table = current(tmp_path, TODAY, own=own)
        found = bill(part("aws:kms/key:Key", "key"), prices=table).lines[0]
        assert (found.high, found.source) == (0.5, "our contract")
        assert table.get("kms", "requests", REGION) == shipped().get("kms", "requests", REGION)

    def test_all_that_is_wrong_in_it_is_told_with_its_line(self, tmp_path: Path):
        rows = ("a,b,c,much,u,k,s,d,listed", "a,b,c,1,u,k,s,d,guessed", "a,b,c,-1,u,k,s,d,listed")
        with pytest.raises(InputError) as refusal:
            read(self.written(tmp_path / "own.csv", *rows))
        assert [fault.source.line for fault in refusal.value.faults if fault.source] == [2, 3, 4]
        with pytest.raises(InputError, match="lacks quality"):
            read(self.written(tmp_path / "own.csv", head=",".join(COLUMNS[:-1])))
        with pytest.raises(InputError, match="can't be read"):
            read(tmp_path / "nothing.csv")


def test_a_shipped_stack_has_a_price_that_its_file_changes(tmp_path: Path, found: list[Costed]):
    project = Project(copied(tmp_path))
    (before,) = (one for one in found if one.environment == "dev")

    def change(file: Any) -> None:
        file["usage"] = {"bucket_gb": {"low": 5000, "high": 9000}}

    edit(project.team_file("demand"), change)
    (after,) = costed(project, what="demand", environment="dev", today=TODAY)
    assert after.bill.low > before.bill.low + 1000
    assert "likely" in after.bill.by_component()
    assert any("demand in dev (eu-west-1): $" in line for line in shown([after], TODAY))
    assert json.dumps(after.as_json())


class TestWhatIsShown:
    def test_sums_stand_at_the_end_over_all(self, found: list[Costed]):
        low, high = total(found)
        assert high == pytest.approx(sum(one.bill.high for one in found)) and low < high
        lines = list(shown(found, TODAY))
        assert lines[-3].startswith(f"All 3 stacks: ${low:,.0f} to ${high:,.0f} a month (local $")
        assert summed(found, lambda one: one.stack) == {"demand": (pytest.approx(low), pytest.approx(high))}

    def test_each_line_is_about_what_was_asked_for(self, found: list[Costed]):
        of = {by: list(shown(found, TODAY, by)) for by in ("component", "resource", "team", "environment")}
        assert any(line.endswith("  likely") for line in of["component"])
        assert any("likely-configuration (aws:sagemaker/endpointConfiguration" in line for line in of["resource"])
        assert of["team"][0].endswith("  demand") and of["team"][1].startswith("All 3 stacks")
        assert [line.split()[-1] for line in of["environment"][:3]] == ["local", "dev", "prod"]

    def test_the_ceiling_stands_beside_the_price(self, found: list[Costed]):
        assert any(line.endswith("its ceiling is $500") for line in shown(found, TODAY))
        assert found[0].as_json()["ceiling"] == 500
        assert "| demand in prod | $" in markdown(found)

    def test_nothing_of_a_shipped_stack_is_without_a_price(self, found: list[Costed]):
        assert [one.bill.unknown for one in found] == [(), (), ()]


def test_a_range_that_is_upside_down_is_a_fault(tmp_path: Path):
    project = Project(copied(tmp_path))

    def change(file: Any) -> None:
        file["usage"] = {"log_gb": {"low": 5, "high": 1}}

    edit(project.team_file("demand"), change)
    with pytest.raises(InputError, match=r"demand\.yaml:.*usage\.log_gb\.high.*is less than low, 5"):
        costed(project, what="demand", environment="dev", today=TODAY)


def test_the_command_prints_both_for_people_and_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(copied(tmp_path))
    said = CliRunner().invoke(app, ["cost", "platform", "--env", "dev"])
    assert said.exit_code == 0 and "days old; before taxes" in said.output
    shown_ = json.loads(CliRunner().invoke(app, ["cost", "platform", "--env", "dev", "--json"]).stdout)
    assert shown_["currency"] == "USD" and shown_["stacks"][0]["lines"]
    assert (
        shown_["by_environment"]["dev"]
        == shown_["by_team"]["platform"]
        == {key: shown_[key] for key in ("low", "high")}
    )


def test_a_mistake_ends_the_command_with_2_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(copied(tmp_path))
    monkeypatch.setattr(sys, "argv", ["yard", "cost", "platform", "--env", "dev", "--prices", "none.csv"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: none.csv: can't be read: ")


def test_every_command_on_the_page_is_one_that_yard_takes():
    page = (ROOT / "docs" / "cost.md").read_text()
    commands = re.findall(r"^yard (cost.*)$", page.partition("```bash\n")[2].partition("```")[0], re.MULTILINE)
    assert len(commands) > 4
    yard: Any = typer.main.get_command(app)
    for name, *arguments in map(str.split, commands):
        command = yard.commands[name]
        assert command.make_context(name, arguments).params, arguments
