"""Renames: what is the same under another name is recognised, with the alias to add, and never guessed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelyard.assess.graph import Graph, Secret, record
from modelyard.assess.impact.forecast import forecast
from modelyard.assess.impact.renames import Rename, renames
from modelyard.assess.policy.examples import Of, graph_of, part

BUCKET = "aws:s3/bucket:Bucket"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LAKE = "modelyard:data:DataLake"


def found(before: Graph, after: Graph) -> dict[str, Rename]:
    return {rename.name: rename for rename in renames(before, after)}


def lake(name: str, role: str = "raw") -> Graph:
    return graph_of(
        [
            part(LAKE, name),
            part(BUCKET, f"{name}-{role}", parent=name, bucket="acme-raw", tags={"role": role}),
            part(POLICY, f"{name}-policy", parent=name, bucket=Of(f"{name}-{role}"), policy="{}"),
        ]
    )


def test_a_resource_under_another_name_is_recognised_with_its_alias():
    before, after = (graph_of([part(BUCKET, name, bucket="acme", tags={"a": "b"})]) for name in ("raw", "landing"))
    assert {name: rename.python for name, rename in found(before, after).items()} == {
        "landing": 'opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="raw")])'
    }


def test_a_component_that_is_renamed_as_a_whole_needs_one_alias():
    (rename,) = renames(lake("lake"), lake("store"))
    assert (rename.name, rename.alias, rename.covers) == ("store", 'pulumi.Alias(name="lake")', 2)


def test_a_child_of_a_component_that_stays_is_recognised_alone():
    before = lake("lake")
    after = lake("lake", role="landing")
    assert found(before, after) == {}, "its tags say something else"
    nodes = tuple(
        replace(node, properties={**node.properties, "tags": {"role": "raw"}}) if node.type == BUCKET else node
        for node in after
    )
    (rename,) = renames(before, Graph(after.project, after.stack, nodes))
    assert (rename.name, rename.alias) == ("lake-landing", 'pulumi.Alias(name="lake-raw")')


def test_what_moved_out_of_a_component_is_recognised_by_its_whole_urn_in_every_stack():
    before = graph_of([part(LAKE, "lake"), part(BUCKET, "raw", parent="lake", bucket="acme")])
    after = graph_of([part(BUCKET, "raw", bucket="acme")])
    rename = found(before, after)["raw"]
    assert (
        rename.alias == 'f"urn:pulumi:{pulumi.get_stack()}::example::modelyard:data:DataLake$aws:s3/bucket:Bucket::raw"'
    )


def test_what_moved_into_a_component_was_at_the_root():
    before = graph_of([part(BUCKET, "raw", bucket="acme")])
    after = graph_of([part(LAKE, "lake"), part(BUCKET, "raw", parent="lake", bucket="acme")])
    assert found(before, after)["raw"].alias == "pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([part(LOGS, "a"), part(LOGS, "b")], [part(LOGS, "c")]),
        ([part(LOGS, "a")], [part(LOGS, "b"), part(LOGS, "c")]),
        ([part(LOGS, "a"), part(LOGS, "b")], [part(LOGS, "c"), part(LOGS, "d")]),
        ([part(LOGS, "a", retentionInDays=7)], [part(LOGS, "b", retentionInDays=30)]),
        ([part(LOGS, "a")], [part(BUCKET, "b")]),
        ([part(LOGS, "a", kmsKeyId=Secret("x"))], [part(LOGS, "b", kmsKeyId=Secret("y"))]),
    ],
)
def test_nothing_is_guessed_where_more_than_one_could_be_meant_or_more_than_a_name_changed(before: Any, after: Any):
    assert found(graph_of(before), graph_of(after)) == {}


def test_a_name_in_the_cloud_that_changes_too_is_told_with_the_one_to_keep():
    before = graph_of([part(LOGS, "logs", name="/acme/logs")])
    after = graph_of([part(LOGS, "diary", name="/acme/diary")])
    assert found(before, after)["diary"].still == ("diary: name /acme/logs → /acme/diary  (replaces)",)


def recorded(program: Callable[[], None]) -> Graph:
    return record(program, project="p", stack="s")


def test_the_alias_that_is_printed_is_python_that_keeps_the_resource():
    class Lake(pulumi.ComponentResource):
        def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
            super().__init__("acme:data:Lake", name, None, opts)
            pulumi.Stash(f"{name}-raw", input="x", opts=pulumi.ResourceOptions(parent=self))

    def moved(opts: pulumi.ResourceOptions | None = None) -> None:
        other = pulumi.ComponentResource("acme:data:Other", "other")
        parented = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(parent=other))
        pulumi.Stash("loose", input="y", opts=parented)

    def first() -> None:
        Lake("lake")
        box = pulumi.ComponentResource("acme:data:Box", "box")
        pulumi.Stash("loose", input="y", opts=pulumi.ResourceOptions(parent=box))

    def second(**opts: pulumi.ResourceOptions) -> None:
        Lake("store", opts.get("store"))
        moved(opts.get("loose"))

    before = recorded(first)
    printed = found(before, recorded(second))
    assert printed.keys() >= {"store", "loose"}
    written = {name: rename.python for name, rename in printed.items()}

    def third() -> None:
        second(**{name: eval(f"dict({said})", {"pulumi": pulumi})["opts"] for name, said in written.items()})

    after = forecast(before, recorded(third))
    assert [step.name for step in after.steps if step.custom] == []
