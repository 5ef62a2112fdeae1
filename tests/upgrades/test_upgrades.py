"""An upgrade that loses state is refused; one that ships its alias or its migration note is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from tools import baselines, upgrades

from modelyard.assess.graph import Graph
from modelyard.assess.graph import record as record_program
from modelyard.core.errors import DeploymentError
from modelyard.testing import deploy

Program = Callable[[], None]
URN = "urn:pulumi:prod::base::acme:data:Lake$aws:s3/bucket:Bucket::lake-raw"


class Lake(pulumi.ComponentResource):
    """A lake as a release might have shipped it, with whatever the next release changes."""

    def __init__(self, name: str, kind: str = "acme:data:Lake", **changes: Any) -> None:
        super().__init__(kind, name, None, changes.get("opts"))
        child = changes.get("child", {})
        if "without_bucket" not in changes:
            aws.s3.Bucket(
                changes.get("role", f"{name}-raw"),
                bucket=changes.get("bucket", "acme-raw"),
                tags=changes.get("tags", {"team": "fraud"}),
                opts=pulumi.ResourceOptions(parent=self, **child),
            )
        bases = {
            each: aws.glue.CatalogDatabase(f"{name}-{each}", name=each, opts=pulumi.ResourceOptions(parent=self))
            for each in ("lake", "other")
        }
        if "without_table" not in changes:
            aws.glue.CatalogTable(
                f"{name}-events",
                name="events",
                database_name=bases[changes.get("database", "lake")].name,
                description=changes.get("description"),
                opts=pulumi.ResourceOptions(parent=self),
            )


def lake(name: str = "lake", **changes: Any) -> Program:
    return lambda: Lake(name, **changes) and None


def graph(program: Program) -> Graph:
    return record_program(program, project="base", stack="prod", region="eu-west-1")


def losses(program: Program, noted: tuple[str, ...] = ()) -> dict[str, str]:
    """What an upgrade from the first release to `program` loses, by logical name."""
    before = upgrades.from_json(upgrades.to_json(graph(lake()), "0.1"))
    return {loss.urn.rpartition("::")[2]: loss.what for loss in upgrades.losses(before, graph(program), noted)}


def alias(**former: Any) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(aliases=[pulumi.Alias(**former)])


EVERYTHING = {"lake-raw": "delete", "lake-lake": "delete", "lake-other": "delete", "lake-events": "delete"}
CHANGES = [
    ("nothing changed", lake(), {}),
    ("a changed tag loses nothing", lake(tags={"team": "churn"}), {}),
    ("a changed description loses nothing", lake(description="what happened"), {}),
    ("another bucket name replaces the bucket", lake(bucket="acme-raw-2"), {"lake-raw": "replace"}),
    ("another logical name deletes the bucket", lake(role="lake-landing"), {"lake-raw": "delete"}),
    ("an alias keeps the bucket under another logical name",
     lake(role="lake-landing", child={"aliases": [pulumi.Alias(name="lake-raw")]}), {}),
    ("an alias of something else keeps nothing",
     lake(role="lake-landing", child={"aliases": [pulumi.Alias(name="lake-curated")]}), {"lake-raw": "delete"}),
    ("a bucket that is left out is deleted", lake(without_bucket=True), {"lake-raw": "delete"}),
    ("a table that is left out is deleted", lake(without_table=True), {"lake-events": "delete"}),
    ("a table in another database is replaced", lake(database="other"), {"lake-events": "replace"}),
    ("a component of another name takes all it has along", lake("store"), EVERYTHING),
    ("a component's alias keeps what has its name in front", lake("store", opts=alias(name="lake")), {}),
    ("a component of another type takes all it has along", lake(kind="acme:lake:Lake"), EVERYTHING),
    ("an alias of the former type keeps it", lake(kind="acme:lake:Lake", opts=alias(type_="acme:data:Lake")), {}),
    ("a component below another takes all it has along",
     lambda: Lake("lake", opts=pulumi.ResourceOptions(parent=pulumi.ComponentResource("acme:x:Y", "y"))), EVERYTHING),
    ("a change that is ignored replaces nothing", lake(bucket="acme-2", child={"ignore_changes": ["bucket"]}), {}),
    ("a change that must replace does", lake(tags={}, child={"replace_on_changes": ["tags"]}), {"lake-raw": "replace"}),
]  # fmt: skip


@pytest.mark.parametrize(("program", "expected"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_what_an_upgrade_loses(program: Program, expected: dict[str, str]):
    assert losses(program) == expected


DEPLOYED = [case for case in CHANGES if "alias" not in case[0] and "must replace" not in case[0]]


@pytest.mark.parametrize(("program", "expected"), [case[1:] for case in DEPLOYED], ids=[case[0] for case in DEPLOYED])
def test_a_deployment_loses_what_was_foretold(program: Program, expected: dict[str, str]):
    with deploy(lake(), project="base", stack="prod", region="eu-west-1") as stack:
        try:
            stack.update(program)
        except DeploymentError:
            assert expected, "the successor can't be made while its predecessor has the name"
            return
        done = {urn: what for urn, what in stack.operations.items() if what in ("delete", "replace") and "aws:" in urn}
    assert {urn.rpartition("::")[2]: what for urn, what in done.items()} == expected


def test_a_note_that_names_the_urn_lets_it_go(tmp_path: Path):
    (tmp_path / "0.2-landing.md").write_text(f"Copy the objects, then let `{URN}` go.\n")
    assert losses(lake(without_bucket=True), tuple(upgrades.notes(tmp_path))) == {}


def test_a_note_may_leave_the_stack_open_and_names_nothing_else(tmp_path: Path):
    (tmp_path / "0.2-landing.md").write_text(f"- {URN.replace('prod', '*', 1)}: copy the objects first.\n")
    noted = tuple(upgrades.notes(tmp_path))
    assert losses(lake(without_bucket=True), noted) == {}
    assert losses(lake(without_bucket=True, without_table=True), noted) == {"lake-events": "delete"}


def test_a_note_about_a_longer_name_is_no_note(tmp_path: Path):
    (tmp_path / "0.2-landing.md").write_text(f"`{URN}-versions` goes.\n")
    assert losses(lake(without_bucket=True), tuple(upgrades.notes(tmp_path))) == {"lake-raw": "delete"}


def test_a_stack_that_is_shipped_no_more_loses_everything():
    before = upgrades.kept(graph(lake()))
    assert len(upgrades.losses(before, None)) == len(before) == 4


def test_a_loss_says_what_was_and_what_is():
    before = upgrades.kept(graph(lake()))
    (loss,) = upgrades.losses(before, graph(lake(bucket="acme-raw-2")))
    assert str(loss) == f'replace {URN}: bucket was "acme-raw" and is "acme-raw-2"'


def test_a_baseline_holds_what_has_state_and_no_more():
    text = upgrades.to_json(graph(lake()), "0.1")
    assert "team" not in text, "tags replace nothing"
    assert "acme-raw" in text
    assert upgrades.from_json(text) == upgrades.kept(graph(lake()))


def test_a_baseline_of_another_format_is_refused():
    with pytest.raises(ValueError, match="baseline format 2"):
        upgrades.from_json('{"format": 2}')


def test_a_baseline_is_recorded_once_and_then_only_where_it_is_accepted(tmp_path: Path):
    folder = tmp_path / "0.1"
    first, second = {"base.prod": graph(lake())}, {"base.prod": graph(lake(bucket="acme-raw-2"))}
    assert baselines.record(first, folder, accept=False) == (["base.prod.json"], [])
    assert baselines.record(first, folder, accept=False) == ([], [])
    kept = (folder / "base.prod.json").read_text()
    assert baselines.record(second, folder, accept=False) == ([], ["base.prod.json"])
    assert (folder / "base.prod.json").read_text() == kept
    assert baselines.record(second, folder, accept=True) == (["base.prod.json"], [])
    assert (folder / "base.prod.json").read_text() != kept


def test_a_new_stack_does_not_rewrite_the_others(tmp_path: Path):
    folder = tmp_path / "0.1"
    baselines.record({"base.prod": graph(lake())}, folder, accept=False)
    both = {"base.prod": graph(lake()), "base.dev": graph(lake())}
    assert baselines.record(both, folder, accept=False) == (["base.dev.json"], [])


def test_every_recorded_release_is_looked_at(tmp_path: Path):
    for release in ("0.1", "0.2"):
        baselines.record({"base.prod": graph(lake())}, tmp_path / release, accept=False)
    lost = baselines.lost({"base.prod": graph(lake(without_table=True))}, tmp_path, tmp_path)
    assert [line.partition(": ")[0] for line in lost] == ["from 0.1", "from 0.2"]


@pytest.fixture(scope="module")
def shipped() -> dict[str, Graph]:
    return baselines.shipped()


def test_the_shipped_stacks_lose_nothing_of_what_was_released(shipped: dict[str, Graph]):
    assert baselines.lost(shipped) == [], "ship an alias or a note in docs/migrations: see docs/upgrades.md"


def test_every_shipped_stack_of_this_release_is_recorded(shipped: dict[str, Graph]):
    recorded = {page.stem for page in (baselines.BASELINES / baselines.release()).glob("*.json")}
    assert shipped.keys() <= recorded, "record them: .venv/bin/python tools/baselines.py"


def test_the_shipped_baselines_hold_buckets_keys_and_tables():
    found = {
        resource.type
        for page in (baselines.BASELINES / "0.1").glob("*.json")
        for resource in upgrades.from_json(page.read_text())
    }
    assert found >= {"aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:glue/catalogTable:CatalogTable"}
