"""What a stack costs: each meter by its price, from least to most, and what has no price is never free."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.shipped import copied, edit
from typer.testing import CliRunner

from modelyard.assess.cost.bill import HOURS, Bill, priced
from modelyard.assess.cost.estimates import ESTIMATES
from modelyard.assess.cost.free import FREE
from modelyard.assess.cost.prices import COLUMNS, COMPILED, PriceTable, Quality, read, shipped
from modelyard.assess.graph.values import UNKNOWN
from modelyard.assess.policy.examples import graph_of, part
from modelyard.assess.policy.subject import Surroundings
from modelyard.blueprints import Project, Range, UsageSpec
from modelyard.cli.app import app
from modelyard.core.errors import InputError
from modelyard.core.sdk import resource_type
from modelyard.operate.costing import costed, shown

REGION, TODAY = "eu-west-1", date(2026, 11, 22)
CONFIGURATION = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
TARGET = "aws:appautoscaling/target:Target"


def bill(*parts: Any, usage: UsageSpec | None = None, region: str = REGION, prices: PriceTable | None = None) -> Bill:
    return priced(
        graph_of(parts),
        Surroundings(region=region),
        ESTIMATES,
        FREE,
        prices=prices or shipped(),
        usage=usage or UsageSpec(),
    )


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
    found = bill(part("aws:sns/topic:Topic", "topic"), part("aws:iam/role:Role", "role"))
    assert [(each.what, each.why) for each in found.unknown] == [
        ("aws:sns/topic:Topic", "nobody here knows what it costs")
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
    assert resource_type(kind).token == kind
    assert (kind in ESTIMATES) != (kind in FREE)


class TestTheTable:
    def test_every_figure_says_where_it_comes_from(self):
        prices = shipped().prices.values()
        assert len(prices) > 2500
        assert all(price.source and price.as_of and price.usd >= 0 for price in prices)
        assert {price.quality for price in prices} == set(Quality)

    def test_one_older_than_a_year_says_nothing_about_today(self):
        assert shipped().faults_on(date(2027, 11, 2)) == []
        (fault,) = shipped().faults_on(date(2027, 11, 3))
        assert "is older than a year" in str(fault) and "yard cost --refresh" not in fault.problem

    def written(self, path: Path, *rows: str, head: str = ",".join(COLUMNS)) -> Path:
        path.write_text("\n".join((head, *rows)) + "\n")
        return path

    def test_a_companys_own_prices_lie_over_the_shipped_ones(self, tmp_path: Path):
        own = self.written(
            tmp_path / "own.csv", f"kms,customer key,{REGION},0.5,key-month,on-demand,our contract,2026-11,listed"
        )
        table = shipped().over(read(own, COMPILED))
        found = bill(part("aws:kms/key:Key", "key"), prices=table).lines[0]
        assert (found.high, found.source) == (0.5, "our contract")
        assert table.get("kms", "requests", REGION) == shipped().get("kms", "requests", REGION)

    def test_all_that_is_wrong_in_it_is_told_with_its_line(self, tmp_path: Path):
        rows = ("a,b,c,much,u,k,s,d,listed", "a,b,c,1,u,k,s,d,guessed", "a,b,c,-1,u,k,s,d,listed")
        with pytest.raises(InputError) as refusal:
            read(self.written(tmp_path / "own.csv", *rows), COMPILED)
        assert [fault.source.line for fault in refusal.value.faults if fault.source] == [2, 3, 4]
        with pytest.raises(InputError, match="lacks quality"):
            read(self.written(tmp_path / "own.csv", head=",".join(COLUMNS[:-1])), COMPILED)
        with pytest.raises(InputError, match="can't be read"):
            read(tmp_path / "nothing.csv", COMPILED)


def test_the_shipped_stacks_have_a_price_that_their_files_change(tmp_path: Path):
    project = Project(copied(tmp_path))
    (before,) = costed(project, what="demand", environment="dev", today=TODAY)

    def change(file: Any) -> None:
        file["usage"] = {"bucket_gb": {"low": 5000, "high": 9000}}

    edit(project.team_file("demand"), change)
    (after,) = costed(project, what="demand", environment="dev", today=TODAY)
    assert after.bill.low > before.bill.low + 1000
    assert "likely" in after.bill.by_component()
    assert any("demand in dev (eu-west-1): $" in line for line in shown([after], COMPILED, TODAY))
    assert json.dumps(after.as_json())


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
    assert said.exit_code == 0 and "days old; before taxes and discounts" in said.output
    shown_ = json.loads(CliRunner().invoke(app, ["cost", "platform", "--env", "dev", "--json"]).stdout)
    assert shown_["currency"] == "USD" and shown_["stacks"][0]["lines"]
