"""What is compared between a desired state and what is there, and what is not: on schemas small enough to see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelyard.assess.graph import Graph, Secret
from modelyard.assess.graph.model import Node
from modelyard.core.errors import InputError
from modelyard.operate.deployed import Difference, checked, differences, showing

SCHEMA: dict[str, Any] = {
    "definitions": {
        "Tag": {"type": "object", "properties": {"Key": {}, "Value": {}}},
        "Port": {"type": "object", "properties": {"Name": {}, "Number": {}}},
    },
    "properties": {
        "Name": {"type": "string"},
        "Arn": {"type": "string"},
        "Secret": {"type": "string"},
        "Size": {"type": "integer"},
        "Key": {"type": "string"},
        "Settings": {"type": "object", "additionalProperties": False, "patternProperties": {".*": {}}},
        "Tags": {"type": "array", "items": {"$ref": "#/definitions/Tag"}},
        "Ports": {"type": "array", "insertionOrder": False, "items": {"$ref": "#/definitions/Port"}},
        "Steps": {"type": "array", "items": {"type": "string"}},
    },
    "readOnlyProperties": ["/properties/Arn"],
    "writeOnlyProperties": ["/properties/Secret", "/properties/Ports/*/Number"],
    "propertyTransform": {"/properties/Key": "$join([arn, Key])"},
}


def compared(wanted: Mapping[str, Any], found: Mapping[str, Any], kind: str = "AWS::Acme::Thing") -> dict[str, Any]:
    return {one.property: (one.wanted, one.found) for one in differences(kind, SCHEMA, wanted, found)}


def test_a_property_that_was_changed_is_named_with_both_values():
    assert compared({"Name": "a", "Size": 2}, {"Name": "a", "Size": 3}) == {"Size": (2, 3)}


def test_a_default_that_nobody_asked_for_is_no_difference():
    assert compared({"Name": "a"}, {"Name": "a", "Size": 20, "Settings": {"by": "the service"}}) == {}


def test_what_a_read_never_shows_is_no_difference():
    assert compared({"Secret": "s", "Ports": [{"Name": "a", "Number": 1}]}, {"Ports": [{"Name": "a"}]}) == {}


def test_numbers_and_truth_values_may_come_back_as_texts():
    assert compared({"Size": 2, "Name": True}, {"Size": "2", "Name": "true"}) == {}


def test_a_map_of_the_users_own_keys_is_compared_both_ways():
    settings = compared({"Settings": {"mode": "strict"}}, {"Settings": {"mode": "loose", "debug": "1"}})
    assert settings == {"Settings.mode": ("strict", "loose"), "Settings.debug": ("nothing", "1")}


def test_tags_are_compared_by_their_keys_and_aws_s_own_are_nobodys():
    def tagged(**tags: str) -> dict[str, Any]:
        return {"Tags": [{"Key": key.replace("_", ":"), "Value": value} for key, value in tags.items()]}

    assert compared(tagged(team="fraud", env="dev"), tagged(env="dev", team="fraud", aws_stack="x")) == {}
    found = compared(tagged(team="fraud"), tagged(by="hand"))
    assert found == {"Tags.team": ("fraud", "nothing"), "Tags.by": ("nothing", "hand")}


def test_a_list_without_an_order_is_compared_as_a_set():
    wanted = {"Ports": [{"Name": "a"}, {"Name": "b"}]}
    assert compared(wanted, {"Ports": [{"Name": "b", "Number": 9}, {"Name": "a"}]}) == {}
    assert compared(wanted, {"Ports": [{"Name": "c"}, {"Name": "a"}]}) == {"Ports[1].Name": ("b", "c")}
    assert compared(wanted, {"Ports": [{"Name": "a"}]}) == {"Ports[1]": ({"Name": "b"}, "nothing")}
    more = {"Ports": [*wanted["Ports"], {"Name": "d"}]}
    assert compared(wanted, more) == {"Ports": ("nothing", {"Name": "d"})}


def test_a_list_with_an_order_is_compared_element_by_element():
    assert compared({"Steps": ["a", "b"]}, {"Steps": ["b", "a"]}) == {"Steps[0]": ("a", "b"), "Steps[1]": ("b", "a")}
    assert compared({"Steps": ["a"]}, {"Steps": ["a", "z"]}) == {"Steps[1]": ("nothing", "z")}
    assert compared({"Steps": ["a"]}, {}) == {"Steps": (["a"], "nothing")}


def test_a_property_that_reads_show_in_another_form_is_compared_by_its_end():
    arn = "arn:aws:kms:us-east-1:123456789012:key/1234"
    assert compared({"Key": "1234"}, {"Key": arn}) == {}
    assert compared({"Key": "5678"}, {"Key": arn}) == {"Key": ("5678", arn)}
    assert compared({"Name": "1234"}, {"Name": arn}) == {"Name": ("1234", arn)}, "of this type, others are as they are"


def test_how_an_endpoint_was_rolled_out_is_told_after_its_first_update_alone():
    wanted = {"DeploymentConfig": {"BlueGreenUpdatePolicy": 1}}
    assert compared(wanted, {}, "AWS::SageMaker::Endpoint") == {}
    assert compared(wanted, {"DeploymentConfig": {"BlueGreenUpdatePolicy": 2}}, "AWS::SageMaker::Endpoint")
    assert compared(wanted, {}), "another type has no such excuse"


def test_what_a_template_leaves_to_cloudformation_is_not_judged():
    assert compared({"Name": {"Fn::Sub": "a-${AWS::Region}"}, "Key": {"Ref": "It"}}, {"Name": "a", "Key": "k"}) == {}


def test_the_copies_of_an_inference_component_are_compared_though_no_read_shows_them():
    schema = {
        "properties": {"RuntimeConfig": {"type": "object", "properties": {"CopyCount": {}}}},
        "writeOnlyProperties": ["/properties/RuntimeConfig/CopyCount"],
    }
    wanted = {"RuntimeConfig": {"CopyCount": 1}}
    found = {"RuntimeConfig": {"DesiredCopyCount": 4, "CurrentCopyCount": 2}}
    kind = "AWS::SageMaker::InferenceComponent"
    assert list(differences(kind, schema, wanted, found)) == [Difference("RuntimeConfig.CopyCount", 1, 4)]
    assert not list(differences(kind, schema, wanted, {"RuntimeConfig": {"DesiredCopyCount": 1}}))


class _Refusing:
    """A cloud whose Cloud Control answers with one error."""

    def __init__(self, code: str) -> None:
        self.code = code

    def get_resource(self, **_: str) -> None:
        raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, "GetResource")


def controlled(desired: Any) -> Graph:
    urn = "urn:pulumi:dev::p::aws:cloudcontrol/resource:Resource::thing"
    said = {"typeName": "AWS::Acme::Thing", "desiredState": desired}
    return Graph("p", "dev", (Node(urn, "aws:cloudcontrol/resource:Resource", "thing", properties=said),))


@pytest.mark.parametrize("code", ["TypeNotFoundException", "UnsupportedActionException"])
def test_what_cloud_control_doesnt_read_is_told_and_is_no_drift(code: str):
    found = checked("fraud", controlled('{"Name": "a"}'), lambda *_: _Refusing(code))
    assert (found.looked, found.drift) == ((), ())
    assert [why for _, why in found.unread] == ["Cloud Control doesn't read AWS::Acme::Thing"]
    (shown,) = [line for line in showing.shown([found]) if "not looked at" in line]
    assert shown == "  not looked at: thing, Cloud Control doesn't read AWS::Acme::Thing"


def test_a_desired_state_that_is_secret_is_told_and_not_judged():
    found = checked("fraud", controlled(Secret()), lambda *_: _Refusing("never asked"))
    assert [why for _, why in found.unread] == ["its desired state is secret"]


def test_a_caller_who_may_not_look_is_told_what_it_takes():
    with pytest.raises(InputError, match=r"GetResource is refused.*cloudformation:DescribeType"):
        checked("fraud", controlled('{"Name": "a"}'), lambda *_: _Refusing("AccessDeniedException"))
