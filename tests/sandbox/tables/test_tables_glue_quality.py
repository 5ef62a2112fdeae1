"""Rulesets of Glue Data Quality through their whole life."""

from __future__ import annotations

from typing import Any

from moto.glue.models import glue_backends

from modelyard_sandbox.moto_extensions import glue_quality

RULESET = "aws:glue/dataQualityRuleset:DataQualityRuleset"
RULES = 'Rules = [\n  IsComplete "id",\n  RowCount > 0\n]'
TABLE = {"databaseName": "lake", "tableName": "events"}


def a_table(cloud: Any) -> None:
    cloud.make("aws:glue/catalogDatabase:CatalogDatabase", name="lake")
    cloud.make("aws:glue/catalogTable:CatalogTable", name="events", databaseName="lake")


def test_a_ruleset_lives_and_dies(cloud: Any) -> None:
    a_table(cloud)
    ruleset = cloud.make(RULESET, name="events", ruleset=RULES, targetTable=TABLE, tags={"team": "fraud"})
    assert ruleset["arn"] == "arn:aws:glue:eu-west-1:123456789012:dataQualityRuleset/events"
    ruleset.update(ruleset="Rules = [\n  RowCount > 10\n]")
    ruleset.update(description="what must hold")
    ruleset.update(description=None)
    ruleset.update(tags={"team": "churn"})
    assert ruleset.forecast(name="others").replaces == {"name"}
    assert ruleset.forecast(targetTable={**TABLE, "tableName": "other"}).replaces == {"targetTable"}
    assert ruleset.imported("events").inputs["ruleset"] == "Rules = [\n  RowCount > 10\n]"
    ruleset.delete()


def test_a_ruleset_needs_its_table(cloud: Any) -> None:
    assert "EntityNotFoundException" in cloud.refused(RULESET, name="events", ruleset=RULES, targetTable=TABLE)


def test_what_somebody_else_changed_of_a_ruleset_is_found(cloud: Any) -> None:
    ruleset = cloud.make(RULESET, name="events", ruleset=RULES)
    cloud.client("glue").update_data_quality_ruleset(Name="events", Ruleset="Rules = [ RowCount > 5 ]")
    assert "5" in ruleset.read().state["ruleset"]


def test_a_run_says_which_rules_failed(cloud: Any) -> None:
    a_table(cloud)
    cloud.make(RULESET, name="events", ruleset=RULES, targetTable=TABLE)
    glue = cloud.client("glue")
    source = {"GlueTable": {"DatabaseName": "lake", "TableName": "events"}}

    def score() -> float:
        run = glue.start_data_quality_ruleset_evaluation_run(
            DataSource=source, Role="arn:aws:iam::123456789012:role/checks", RulesetNames=["events"]
        )["RunId"]
        found = glue.get_data_quality_ruleset_evaluation_run(RunId=run)
        assert found["Status"] == "SUCCEEDED"
        return glue.get_data_quality_result(ResultId=found["ResultIds"][0])["Score"]

    assert score() == 1
    glue_quality.verdict(glue_backends["123456789012"]["eu-west-1"], "events", ["RowCount"])
    assert score() == 0.5
