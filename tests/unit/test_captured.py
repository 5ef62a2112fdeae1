"""Captured calls are read as SageMaker writes them, whatever a caller sent."""

from __future__ import annotations

import base64
import json
from typing import Any

from modelyard.core.captured import Call, calls


def line(data: str, answer: str = "0.5", encoding: str = "CSV", kind: str = "text/csv", **about: Any) -> str:
    part = {"observedContentType": kind, "mode": "INPUT", "encoding": encoding}
    given = {"observedContentType": "text/csv", "mode": "OUTPUT", "encoding": "CSV", "data": answer}
    said = {"captureData": {"endpointInput": {**part, "data": data}, "endpointOutput": given}, "eventMetadata": about}
    return json.dumps(said)


def one(*args: Any, **kwargs: Any) -> Call:
    (call,) = calls([line(*args, **kwargs)])
    assert call is not None
    return call


def test_each_line_of_csv_is_a_row_with_numbers_where_they_are():
    call = one("1,a,2.5\n3,b,4\n", "0.1\n0.9\n", eventId="e-1", inferenceTime="2026-01-01T00:00:00Z")
    assert call.rows == ((1.0, "a", 2.5), (3.0, "b", 4.0))
    assert (call.answers, call.id, call.at) == (((0.1,), (0.9,)), "e-1", "2026-01-01T00:00:00Z")


def test_rows_of_json_are_its_innermost_lists_or_objects():
    for said in ({"instances": [[1, 2], [3, 4]]}, [[1, 2], [3, 4]], {"rows": [{"b": 2, "a": 1}, {"a": 3, "b": 4}]}):
        assert one(json.dumps(said), encoding="JSON", kind="application/json").rows == ((1.0, 2.0), (3.0, 4.0))


def test_what_is_encoded_is_decoded():
    assert one(base64.b64encode(b"1,2").decode(), encoding="BASE64").rows == ((1.0, 2.0),)


def test_what_is_no_number_stays_text():
    assert one("nan,inf,x").rows == (("nan", "inf", "x"),)


def test_a_caller_is_who_the_custom_attributes_say():
    assert one("1", customAttributes=["trace=7,caller=mobile"]).caller == "mobile"
    assert one("1", customAttributes=["trace=7"]).caller == ""
    assert one("1").caller == ""


def test_what_a_probe_asked_is_known_by_its_inference_id():
    assert one("1", inferenceId="modelyard-probe-1").probed
    assert not one("1", inferenceId="order-7").probed


def test_a_line_that_is_no_call_is_none_and_a_blank_one_is_nothing():
    bad = ["{", "[]", '{"captureData": 3}', line("@@", encoding="BASE64")]
    assert list(calls([*bad, "", "  "])) == [None] * len(bad)
