"""What is sensitive in captured calls, and that none of it is kept."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.core.captured import calls
from modelyard.core.redaction import MARK, Redaction, Unreadable, hashed

KEY = b"k" * 32
COLUMNS = ("amount", "email", "country", "ssn")
RULES = Redaction({"email": "hash", "ssn": "remove"}, COLUMNS, KEY)


def captured(asked: str, given_: str = "0.9", kind: str = "text/csv", answer: str = "text/csv", **about: Any) -> str:
    """A line as SageMaker writes it."""

    def part(data: str, observed: str, mode: str) -> dict[str, Any]:
        encoding = "CSV" if "csv" in observed else "JSON" if "json" in observed else "BASE64"
        said = base64.b64encode(data.encode()).decode() if encoding == "BASE64" else data
        return {"observedContentType": observed, "mode": mode, "data": said, "encoding": encoding}

    line = {
        "captureData": {"endpointInput": part(asked, kind, "INPUT"), "endpointOutput": part(given_, answer, "OUTPUT")},
        "eventMetadata": {"eventId": "e1", "inferenceId": "i1", "inferenceTime": "2026-11-21T10:00:00Z", **about},
        "eventVersion": "0",
    }
    return json.dumps(line)


def asked_of(line: str | None) -> Any:
    assert line is not None
    return json.loads(line)["captureData"]["endpointInput"]


def test_a_row_of_csv_keeps_its_shape_and_loses_what_is_sensitive():
    line = RULES.line(captured("12.5,ada@acme.example,fi,131052-308T"))
    (row,) = csv.reader(io.StringIO(asked_of(line)["data"]))
    assert row == ["12.5", MARK + hashed(KEY, "email", "ada@acme.example"), "fi", ""]
    (call,) = calls([line or ""])
    assert call is not None and call.id == "e1" and call.answers == ((0.9,),)


def test_equal_values_of_one_field_have_one_hash_and_another_key_or_field_another():
    assert hashed(KEY, "email", "a@b.c") == hashed(KEY, "Email", " a@b.c ")
    assert len({hashed(KEY, "email", "x"), hashed(KEY, "phone", "x"), hashed(b"other", "email", "x")}) == 3


def test_names_are_found_at_any_depth_and_in_any_case():
    body = {"instances": [{"amount": 1, "who": {"EMAIL": "ada@acme.example", "SSN": [1, 2]}}]}
    data = json.loads(asked_of(RULES.line(captured(json.dumps(body), kind="application/json")))["data"])
    assert data["instances"][0]["who"] == {"EMAIL": MARK + hashed(KEY, "email", "ada@acme.example"), "SSN": None}


def test_a_document_inside_of_a_text_is_looked_into():
    body = {"body": json.dumps({"ssn": "131052-308T", "amount": 3})}
    data = json.loads(asked_of(RULES.line(captured(json.dumps(body), kind="application/json")))["data"])
    assert json.loads(data["body"]) == {"ssn": None, "amount": 3}


def test_a_first_row_that_names_columns_says_where_they_are():
    data = asked_of(RULES.line(captured("ssn,amount,email\n131052-308T,7,ada@acme.example")))["data"]
    head, row = csv.reader(io.StringIO(data))
    assert head == ["ssn", "amount", "email"]
    assert row[:2] == ["", "7"] and row[2].startswith(MARK)


def test_a_table_of_pandas_says_where_its_columns_are():
    body = {"columns": ["ssn", "amount"], "data": [["131052-308T", 7]]}
    data = json.loads(asked_of(RULES.line(captured(json.dumps(body), kind="application/json")))["data"])
    assert data["data"] == [[None, 7]]


def test_what_the_answer_repeats_goes_as_well():
    line = RULES.line(
        captured("1,ada@acme.example,fi,131052-308T", '{"said": "Dear ada@acme.example"}', answer="application/json")
    )
    assert "ada@acme" not in str(line)
    assert "Dear [redacted]" in str(line)


def test_what_a_caller_says_of_itself_is_searched_too():
    assert "ada@acme" not in str(
        RULES.line(captured("1,ada@acme.example,fi,x", customAttributes=["for=ada@acme.example"]))
    )


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ("1,ada@acme.example", "text/csv"),
        ("ada@acme.example", "text/plain"),
        ('{"email": "ada@acme.example"', "application/json"),
        ('{"email": "x", "email": "ada@acme.example"}', "application/json"),
        ('[["ada@acme.example", 1]]', "application/json"),
        ("1,ada@acme.example,fi,x", "image/png"),
    ],
)
def test_what_cannot_be_read_is_left_out_whole(asked: str, kind: str):
    line = RULES.line(captured(asked, kind=kind))
    assert "data" not in asked_of(line) and asked_of(line)["redacted"] == "unreadable"
    assert "ada@acme" not in str(line)


def test_base64_of_a_known_type_is_read():
    said = json.loads(captured("1,ada@acme.example,fi,x"))
    part = said["captureData"]["endpointInput"]
    part.update(data=base64.b64encode(part["data"].encode()).decode(), encoding="BASE64")
    kept = asked_of(RULES.line(json.dumps(said)))
    assert kept["encoding"] == "CSV" and kept["data"].startswith("1,hmac:")


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", "{}", '{"captureData": 1}', '{"captureData": {"endpointInput": 1}}']
)
def test_a_line_that_is_no_call_is_none(text: str):
    assert RULES.line(text) is None


def test_a_hash_without_a_key_is_refused_and_the_key_is_not_shown():
    with pytest.raises(ValueError, match="need a key"):
        Redaction({"email": "hash"})
    assert "kkkk" not in repr(RULES)


def test_a_row_of_another_length_is_unreadable():
    with pytest.raises(Unreadable, match="a row of 2 values, and 4 columns"):
        RULES.payload("1,2", "text/csv", set())


SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).map(
    lambda text: f"§§{text.strip()}§{len(text)}"
)
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.sampled_from(["fi", "de", "x y"])
)
NAMES = st.sampled_from(["amount", "country", "who", "rows"])


@st.composite
def documents(draw: st.DrawFn) -> tuple[Any, list[str]]:
    """A JSON document with secrets below sensitive names, and those secrets."""
    secrets = draw(st.lists(SECRETS, min_size=1, max_size=4))
    inner: Any = draw(st.dictionaries(NAMES, PLAIN, max_size=3))
    for secret in secrets:
        name = draw(st.sampled_from(["email", "SSN", "Email"]))
        held = draw(st.sampled_from([secret, [secret], {"deep": secret}]))
        inner = {name: held, draw(NAMES): inner} if draw(st.booleans()) else {"who": [{name: held}, inner]}
    return inner, secrets


@given(documents(), st.booleans())
def test_no_secret_below_a_sensitive_name_survives(document: tuple[Any, list[str]], ascii_: bool):
    body, secrets = document
    echo = json.dumps({"said": f"about {secrets[0]}", "again": secrets}, ensure_ascii=ascii_)
    line = RULES.line(
        captured(json.dumps(body, ensure_ascii=ascii_), echo, kind="application/json", answer="application/json")
    )
    _gone(line, secrets)


@given(st.lists(st.tuples(SECRETS, SECRETS), min_size=1, max_size=5), st.booleans())
def test_no_secret_of_a_row_survives(people: list[tuple[str, str]], echoed: bool):
    written = io.StringIO()
    csv.writer(written).writerows([[1.5, email, "fi", ssn] for email, ssn in people])
    secrets = [secret for pair in people for secret in pair]
    answer = io.StringIO()
    csv.writer(answer).writerows([[0.5, secret] if echoed else [0.5] for secret in secrets])
    _gone(RULES.line(captured(written.getvalue(), answer.getvalue())), secrets)


def _gone(line: str | None, secrets: list[str]) -> None:
    assert line is not None
    decoded = json.loads(line)
    texts = [line, json.dumps(decoded, ensure_ascii=False)]
    for part in decoded["captureData"].values():
        data = part.get("data", "")
        texts.append(data)
        if part.get("encoding") == "JSON" and data:
            texts.append(json.dumps(json.loads(data), ensure_ascii=False))
        texts += [cell for row in csv.reader(io.StringIO(data)) for cell in row]
    for secret in secrets:
        assert not any(secret in text for text in texts), f"{secret!r} is still there"
