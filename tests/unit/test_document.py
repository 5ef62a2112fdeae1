from typing import Annotated, Literal

import pytest
from pydantic import Field

from modelyard.core.document import LARGEST_FILE, load, parse, read
from modelyard.core.errors import SpecError
from modelyard.core.spec import Name, Spec


class Small(Spec):
    kind: Literal["small"] = "small"
    size: int = Field(ge=1)


class Named(Spec):
    kind: Literal["named"] = "named"
    label: str

    def check(self):
        if self.label == "bad":
            yield self.fault("label", "is bad", "Use good.", self.label)


class Root(Spec):
    team: Name
    choice: Annotated[Small | Named, Field(discriminator="kind")]
    parts: dict[str, Named] = Field(default_factory=dict)
    listed: list[Small] = Field(default_factory=list)


def faults_of(text: str, environment: str = "dev") -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(parse(text.encode(), "teams/x.yaml").for_environment(environment), Root)
    return [str(fault) for fault in caught.value.faults]


def test_all_faults_of_a_file_are_reported_at_once_each_at_its_line():
    faults = faults_of(
        "team: Xx\nchoice: {kind: small, size: 0, q: 1}\nparts: {x: {label: bad}, y: {}}\n"
        "listed: [{size: 2}, {size: x}]\ntema: 3\n"
    )
    assert [fault.split(": got")[0].split(": is")[0] for fault in faults] == [
        "teams/x.yaml:1:7: team",
        "teams/x.yaml:2:29: choice.size",
        "teams/x.yaml:2:35: choice.q",
        "teams/x.yaml:3:20: parts.x.label",
        "teams/x.yaml:3:29: parts.y.label",
        "teams/x.yaml:4:28: listed[1].size",
        "teams/x.yaml:5:7: tema",
    ]


def test_an_unknown_field_suggests_the_nearest():
    assert 'Did you mean "team"?' in faults_of("tema: fraud\nchoice: {size: 1, kind: small}")[-1]


def test_a_kind_that_is_none_names_the_kinds():
    assert "Use kind: 'small', 'named'." in faults_of("team: a\nchoice: {kind: large}")[0]


def test_broken_yaml_names_line_and_column():
    assert faults_of("a: [\n") == [
        "teams/x.yaml:2:1: broken YAML: did not find expected node content. Mend the syntax there."
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("team: a\nteam: b\n", 'duplicate key "team"'),
        ("- 1\n", "must hold a mapping"),
        ("", "must hold a mapping"),
        ("!!python/object:os.system x\n", "quote it, or use plain values"),
        ("a: 2020-01-01 10:00:00\n", "quote it, or use plain values"),
        ("1: x\n", "is not text; quote it"),
        ("a: .nan\n", "is not finite"),
        ("a: " + "[" * 200 + "]" * 200, "nested more than"),
        ("a: &x [*x]\n", "a is nested more than"),
        (
            "a: &a [1, 2, 3, 4, 5, 6, 7, 8]\n"
            + "".join(
                f"{name}: &{name} [{', '.join(8 * [f'*{of}'])}]\n"
                for of, name in zip("abcdefg", "bcdefgh", strict=True)
            ),
            "holds more than",
        ),
        ("a: 0x\n? [b]\n: 1\n", "is not text"),
        ("a: !own b\n", "quote it, or use plain values"),
        ("a: " + "9" * 5000 + "\n", "broken YAML"),
        ("a: \x00\n", "broken YAML"),
    ],
)
def test_a_strange_file_is_refused_with_words(text: str, said: str):
    assert said in "\n".join(faults_of(text))


def test_a_day_needs_no_quotes():
    assert parse(b"a: 2026-12-31\nb: [2026-01-02]\n", "x.yaml").data == {"a": "2026-12-31", "b": ["2026-01-02"]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("True", True),
        ("~", None),
        ("", None),
        ("0123", 123),
        ("012345678901", 12345678901),
        ("1_000", 1000),
        ("-0x1F", -31),
        ("0o17", 15),
        ("1:30", "1:30"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("{<<: 1}", {"<<": 1}),
        ("|\n  one\n  two\n", "one\ntwo\n"),
    ],
)
def test_a_value_is_what_the_core_schema_of_yaml_1_2_says(text: str, value: object):
    found = parse(f"a: {text}\n".encode(), "x.yaml").data["a"]
    assert (found, type(found)) == (value, type(value))


def test_a_file_that_is_not_utf_8_or_too_large_is_refused():
    with pytest.raises(SpecError, match="is not UTF-8"):
        parse(b"a: \xff\n", "x.yaml")
    with pytest.raises(SpecError, match="is larger than"):
        parse(b" " * (LARGEST_FILE + 1), "x.yaml")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        read(tmp_path / "none.yaml")


OVERRIDDEN = """\
team: fraud
choice: {kind: named, label: bad}
environments:
  dev: {choice: {label: good}}
  prod: {parts: {x: {label: bad}}}
"""


def test_an_environment_lies_over_everything_else():
    assert load(parse(OVERRIDDEN.encode(), "x.yaml").for_environment("dev"), Root).choice.model_dump() == {
        "kind": "named",
        "label": "good",
    }


def test_a_fault_of_an_override_points_to_the_override():
    assert [fault.split(": got")[0] for fault in faults_of(OVERRIDDEN, "prod")] == [
        "teams/x.yaml:2:30: choice.label",
        "teams/x.yaml:5:29: environments.prod.parts.x.label",
    ]


def test_an_override_of_another_kind_replaces_the_whole_choice():
    text = "team: x\nchoice: {kind: small, size: 2}\nenvironments: {dev: {choice: {kind: named, label: l}}, prod: {}}"
    document = parse(text.encode(), "teams/x.yaml")
    assert load(document.for_environment("dev"), Root).choice.model_dump() == {"kind": "named", "label": "l"}
    assert load(document.for_environment("prod"), Root).choice.model_dump() == {"kind": "small", "size": 2}


def test_null_in_an_override_takes_a_key_away():
    text = "team: fraud\nchoice: {kind: small, size: 1}\nlisted: [{size: 2}]\nenvironments: {dev: {listed: null}}\n"
    assert load(parse(text.encode(), "x.yaml").for_environment("dev"), Root).listed == []


def test_every_value_knows_its_line():
    text = "team: fraud\nchoice:\n  kind: small\n  size: 1\nlisted:\n  - size: 2\n"
    spec = load(parse(text.encode(), "x.yaml").for_environment("dev"), Root)
    assert str(spec.choice.source("size")) == "x.yaml:4:9: choice.size"
    assert str(spec.listed[0].source()) == "x.yaml:6:5: listed[0]"
    assert str(spec.source("parts.missing")) == "x.yaml: parts.missing"
