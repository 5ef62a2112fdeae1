"""The page: every text as text, no secret, nothing from a network, and all of it readable without its script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer
from tests.reports import BUCKET, KEY, TABLE, a_plan, a_report, a_stack, changed, many
from typer.testing import CliRunner

import modelyard
from modelyard.assess.graph.model import Graph
from modelyard.assess.graph.values import Secret
from modelyard.assess.policy.examples import Of, graph_of, part
from modelyard.assess.policy.rule import Domain, Rule, Severity, Violation
from modelyard.assess.policy.subject import Subject
from modelyard.assess.report.boxes import LANES, OTHER, boxes_of
from modelyard.assess.report.page import document, page
from modelyard.cli.app import app
from modelyard.core.errors import InputError

CANARY = "correct-horse-battery-staple"
SCRIPT = "</script><script>alert(1)</script>"
LAKE = "modelyard:data:DataLake"
REGISTRY = "modelyard:registry:ModelRegistry"


class Read(HTMLParser):
    """What a page is made of: elements with their attributes, and the text of each kind of element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.texts: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._in = tag
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self._in == "script":
            self.scripts[-1] += data
        elif self._in != "style":
            self.texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def told(subject: Subject) -> Iterator[Violation]:
    yield Violation(f"says {subject.get('tags.note')}")


TELLS = Rule("tells", Severity.HIGH, Domain.DATA, "Tells", "A test.", "Be silent.", (BUCKET,), told, bad=(), good=())


def test_a_resource_with_the_name_of_a_script_is_text():
    text = page(a_report(a_stack("fraud", part(LAKE, SCRIPT), part(BUCKET, f"{SCRIPT}-raw", parent=SCRIPT))))
    read = Read(text)
    assert len(read.scripts) == 2 and "alert(1)</script>" not in text
    assert SCRIPT in read.text, "shown as it is called"
    (data, _) = read.scripts
    assert "<" not in data, "no sign that HTML reads"
    assert json.loads(data)["boxes"][0]["name"] == SCRIPT


def test_no_value_of_a_secret_is_on_the_page():
    secret = {"note": Secret(CANARY)}
    hidden = a_report(a_stack("fraud", part(BUCKET, "raw", tags=secret), rules=[TELLS]))
    assert CANARY in hidden.stacks[0].examined.results[0].problem, "the rule tells it"
    assert CANARY not in page(hidden) and CANARY not in json.dumps(document(hidden))
    assert "says [secret]" in page(hidden)
    open_ = a_report(a_stack("fraud", part(BUCKET, "raw", tags={"note": CANARY}), rules=[TELLS]))
    assert CANARY in page(open_), "what is no secret is told"


def test_a_part_of_a_document_that_is_secret_is_kept_back_too():
    document_ = json.dumps({"Statement": [{"Resource": CANARY}]})
    one = a_stack("fraud", part(KEY, "key", policy=Secret(document_)), part(BUCKET, CANARY), rules=())
    assert CANARY not in page(a_report(one))


def test_the_page_asks_no_network_and_runs_nothing_but_its_own_script():
    text = page(a_report(a_stack("fraud", part(BUCKET, "raw"))))
    read = Read(text)
    (policy,) = [attributes["content"] for tag, attributes in read.elements if attributes.get("http-equiv")]
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    style = text[text.index("<style>") + 7 : text.index("</style>")]
    for part_ in (read.scripts[1], style):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(part_.encode()).digest()).decode()}'" in policy
    asks = [value for _, attributes in read.elements for key, value in attributes.items() if key in ("src", "href")]
    assert [value for value in asks if not value.startswith(("#", "data:"))] == []
    assert not [attributes for _, attributes in read.elements if "style" in attributes or "onclick" in attributes]


def test_every_result_has_its_file_and_line_and_what_stops_comes_first():
    public = part(BUCKET, "raw")
    found = document(a_report(a_stack("fraud", public, part(KEY, "k")), a_stack("demand", public)))["results"]
    assert any(row["stops"] for row in found) and not all(row["stops"] for row in found)
    assert [row["stops"] for row in found] == sorted((row["stops"] for row in found), reverse=True)
    assert all(re.fullmatch(r"stacks/teams/(fraud|demand)\.yaml:\d+", row["where"]) for row in found)


def test_without_its_script_the_page_tells_components_and_results():
    lake = [part(LAKE, "lake"), part(BUCKET, "lake-raw", parent="lake"), part(TABLE, "lake-t", parent="lake")]
    read = Read(page(a_report(a_stack("fraud", *lake, part(REGISTRY, "registry")))))
    assert "lake DataLake" in read.text and "2 resources: 1 × dynamodb Table, 1 × s3 Bucket" in read.text
    assert "lake-raw" in read.text, "by the rules that it breaks"
    links = {attributes["href"] for tag, attributes in read.elements if tag == "a" and "data-box" in attributes}
    ids = {f"#{attributes['id']}" for _, attributes in read.elements if "id" in attributes}
    assert links <= ids, "each link leads somewhere on the page"


def test_a_component_uses_what_its_resources_depend_on():
    parts = [
        part(LAKE, "lake"),
        part(BUCKET, "lake-raw", parent="lake"),
        part(REGISTRY, "registry"),
        part(BUCKET, "registry-models", parent="registry", logging=Of("lake-raw")),
        part(KEY, "alone"),
    ]
    found = {box.name: box for box in boxes_of(graph_of(parts))}
    assert found["registry"].uses == (found["lake"].key,) and found["lake"].used_by == (found["registry"].key,)
    assert (found["lake"].lane, found["without a component"].lane) == ("Build", OTHER)


def test_the_lanes_are_the_folders_of_the_library():
    library = Path(modelyard.__file__).parent
    folders = {"Base": "foundation", "Build": "build", "Run": "run"}
    for lane, folder in folders.items():
        there = {each.parent.name for each in (library / folder).glob("*/__init__.py")}
        assert there - {"access"} == set(LANES[lane]) - {"access"}, f"{folder}/ and the lane {lane}"


def reading(value: str) -> Graph:
    """A team that reads the platform's export and writes `value` into a table."""
    reference = part(
        "pulumi:pulumi:StackReference",
        "platform",
        name="organization/example/dev",
        outputs={"contract": {"version": 3, "keys": {"default": "arn:example:shared"}, "region": "eu-west-1"}},
    )
    lake = [part(LAKE, "lake"), part(TABLE, "lake-t", parent="lake", key=value)]
    return graph_of([reference, *lake], stack="fraud-dev")


@pytest.mark.parametrize(("value", "read"), [("arn:example:shared", True), ("arn:example:shared-too", False)])
def test_what_a_team_reads_of_the_platform_is_told_with_path_version_and_maker(value: str, read: bool):
    platform = a_stack("platform", part("modelyard:keys:Keys", "keys"), part(KEY, "shared", parent="keys"), rules=())
    graph = Graph(platform.graph.project, "dev", platform.graph.nodes)
    team = a_stack("fraud", rules=())
    found = document(a_report(platform, replace(team, graph=reading(value), platform=graph)))["reads"]
    told_ = [(row["path"], row["version"], row["made_by"]["name"], row["read_by"][0]["name"]) for row in found]
    assert told_ == ([("contract.keys.default", "3", "keys", "lake")] if read else [])


def test_a_platforms_components_for_one_team_stand_together():
    parts = [part("modelyard:keys:Keys", name) for name in ("keys", "fraud-keys", "fraudulent")]
    stacks = document(a_report(a_stack("platform", *parts), a_stack("fraud")))["stacks"]
    assert [box["name"] for box in stacks[0]["for_teams"]["fraud"]] == ["fraud-keys"]
    assert [box["name"] for box in stacks[0]["lanes"]["Base"]] == ["fraudulent", "keys"]


def test_changes_tell_what_is_destroyed_first_and_the_price_what_is_more():
    one = a_stack("fraud", part(BUCKET, "raw", bucket="new"), part(TABLE, "t", hashKey="a"), before=(1.0, 1.0))
    report = a_report(one, plan=a_plan(changed(one.graph, raw={"bucket": "old"}, t={"tags": {"a": "b"}}), one))
    said = document(report)
    assert [(row["name"], row["action"], row["loses"]) for row in said["changes"]] == [
        ("raw", "replace", True),
        ("t", "update", False),
    ]
    assert said["totals"]["loss"] == "destroys: 1 bucket (data)"
    assert said["totals"]["change"] == "+$1 to +$3" and said["costs"][0]["change"] == "+$1 to +$3"
    assert "bucket old → new" in Read(page(report)).text


def test_an_auditor_finds_every_rule_with_what_it_looked_at():
    rows = {row["id"]: row for row in document(a_report(a_stack("fraud", part(BUCKET, "raw"))))["rules"]}
    assert (rows["s3-block-public"]["asked"], rows["s3-block-public"]["violated"]) == (1, 1)
    assert rows["dynamodb-pitr"]["asked"] == 0


def test_a_page_of_fifteen_thousand_resources_names_each_but_draws_only_components():
    text = page(many(teams=20, components=15, resources=50))
    assert text.count('class="card"') == 300
    (data, _) = Read(text).scripts
    assert sum(map(len, json.loads(data)["resources"])) == 15_000
    assert len(text) < 4_000_000, "bytes that a browser opens at once"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["graph", "--json", "--mermaid"], "--json and --mermaid exclude one another"),
        (["graph", "--json", "--html", "x.html"], "--json and --html exclude one another"),
        (["graph", "--html", "x.html", "--inside", "lake"], "--html shows the whole graph"),
        (["graph", "--html", "nowhere/x.html"], "--html: got 'nowhere/x.html'; lies in a folder that isn't there"),
        (["report", "-o", "nowhere/x.html"], "--output: got 'nowhere/x.html'; lies in a folder that isn't there"),
        (["report", "-o", "."], "--output: got '.'; is a folder"),
        (["report", "--against", "nowhere", "--prices", "nowhere.csv"], "--against: "),
    ],
)
def test_what_cannot_be_shown_is_refused_before_anything_is_recorded(arguments: list[str], message: str):
    said = CliRunner().invoke(app, arguments)
    assert isinstance(said.exception, InputError) and message in str(said.exception)


def test_every_command_of_the_docs_is_one_that_the_program_takes():
    text = (Path(__file__).parents[2] / "docs" / "report.md").read_text("utf-8")
    (block,) = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    assert len(lines) == 6
    for program, name, *arguments in lines:
        assert program == "yard"
        command = typer.main.get_command(app).commands[name]  # pyright: ignore[reportAttributeAccessIssue]
        command.make_context(name, arguments)
