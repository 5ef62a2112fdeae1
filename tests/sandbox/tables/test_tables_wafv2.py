"""Web ACLs, what they protect and where they log, through their whole life."""

from __future__ import annotations

from typing import Any

from tests.sandbox.tables.test_tables_apigateway import a_stage

ACL = "aws:wafv2/webAcl:WebAcl"
ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
LOGGING = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
GROUP = "aws:cloudwatch/logGroup:LogGroup"


def seen(name: str) -> dict[str, Any]:
    return {"metricName": name, "cloudwatchMetricsEnabled": True, "sampledRequestsEnabled": False}


def managed(name: str = "AWSManagedRulesCommonRuleSet", **more: Any) -> dict[str, Any]:
    return {
        "name": "common",
        "priority": 0,
        "overrideAction": {"none": {}},
        "statement": {"managedRuleGroupStatement": {"vendorName": "AWS", "name": name, **more}},
        "visibilityConfig": seen("common"),
    }


def small(size: int = 16_384) -> dict[str, Any]:
    body = {"body": {"oversizeHandling": "MATCH"}}
    statement = {
        "comparisonOperator": "GT",
        "size": size,
        "fieldToMatch": body,
        "textTransformations": [{"priority": 0, "type": "NONE"}],
    }
    return {
        "name": "size",
        "priority": 1,
        "action": {"block": {}},
        "statement": {"sizeConstraintStatement": statement},
        "visibilityConfig": seen("size"),
    }


def slow(limit: int = 100, **more: Any) -> dict[str, Any]:
    return {
        "name": "rate",
        "priority": 2,
        "action": {"block": {}},
        "statement": {"rateBasedStatement": {"limit": limit, "aggregateKeyType": "IP", **more}},
        "visibilityConfig": seen("rate"),
    }


def an_acl(cloud: Any, **changes: Any) -> Any:
    given: dict[str, Any] = {
        "name": "door",
        "scope": "REGIONAL",
        "defaultAction": {"allow": {}},
        "visibilityConfig": seen("door"),
        **changes,
    }
    return cloud.make(ACL, **given)


def test_a_web_acl_lives_and_dies(cloud: Any) -> None:
    acl = an_acl(cloud, tags={"team": "fraud"}, rules=[managed(), small(), slow()])
    assert ":regional/webacl/door/" in acl["arn"]
    assert acl["capacity"] == 703
    acl.update(rules=[slow(), managed()])
    acl.update(rules=[managed(ruleActionOverrides=[{"name": "SizeRestrictions_BODY", "actionToUse": {"count": {}}}])])
    acl.update(rules=[slow(evaluationWindowSec=60)])
    acl.update(rules=None)
    acl.update(description="before the door")
    acl.update(defaultAction={"block": {}})
    acl.update(associationConfig={"requestBodies": [{"apiGateway": {"defaultSizeInspectionLimit": "KB_64"}}]})
    acl.update(tags={"team": "churn"})
    assert acl.forecast(name="gate").replaces == {"name"}
    assert acl.forecast(scope="CLOUDFRONT").replaces == {"scope"}
    acl.delete()


def test_the_order_in_which_rules_are_written_changes_nothing(cloud: Any) -> None:
    acl = an_acl(cloud, rules=[managed(), small()])
    assert not acl.forecast(rules=[small(), managed()]).changed


def test_what_somebody_else_changed_of_a_web_acl_is_found(cloud: Any) -> None:
    acl = an_acl(cloud, rules=[small()])
    waf = cloud.client("wafv2")
    found = waf.get_web_acl(Name="door", Scope="REGIONAL", Id=acl.id)
    rule = found["WebACL"]["Rules"][0]
    rule["Statement"]["SizeConstraintStatement"]["Size"] = 9_999
    waf.update_web_acl(
        Name="door",
        Scope="REGIONAL",
        Id=acl.id,
        LockToken=found["LockToken"],
        DefaultAction={"Allow": {}},
        VisibilityConfig=found["WebACL"]["VisibilityConfig"],
        Rules=[rule],
    )
    assert "9999" in str(acl.read().state["rules"])


def test_rules_that_weigh_too_much_are_refused(cloud: Any) -> None:
    rules = [{**managed(), "name": f"r{n}", "priority": n, "visibilityConfig": seen(f"r{n}")} for n in range(8)]
    given = {"name": "door", "scope": "REGIONAL", "defaultAction": {"allow": {}}, "visibilityConfig": seen("door")}
    assert "5600 capacity units" in cloud.refused(ACL, **given, rules=rules)


def test_a_managed_group_that_aws_has_not_is_refused(cloud: Any) -> None:
    given = {"name": "door", "scope": "REGIONAL", "defaultAction": {"allow": {}}, "visibilityConfig": seen("door")}
    assert "no managed rule group" in cloud.refused(ACL, **given, rules=[managed("AWSManagedRulesEverything")])


def test_a_name_is_given_once(cloud: Any) -> None:
    an_acl(cloud)
    given = {"name": "door", "scope": "REGIONAL", "defaultAction": {"allow": {}}, "visibilityConfig": seen("door")}
    assert "Duplicate" in cloud.refused(ACL, **given)


def test_a_stage_is_protected_and_let_go(cloud: Any) -> None:
    acl = an_acl(cloud)
    api, _, stage = a_stage(cloud)
    association = cloud.make(ASSOCIATION, webAclArn=acl["arn"], resourceArn=stage["arn"])
    assert association.id == f"{acl['arn']},{stage['arn']}"
    assert stage.read().state["webAclArn"] == acl["arn"]
    assert "WAFAssociatedItemException" in cloud.refuses_to_delete(acl)
    assert association.forecast(webAclArn=f"{acl['arn']}-2").replaces == {"webAclArn"}
    assert association.imported(association.id).inputs["resourceArn"] == stage["arn"]
    cloud.client("wafv2").disassociate_web_acl(ResourceArn=stage["arn"])
    assert association.read() is None, "a door that somebody left open is found"
    cloud.client("wafv2").associate_web_acl(WebACLArn=acl["arn"], ResourceArn=stage["arn"])
    association.delete()
    acl.delete()


def test_a_stage_that_goes_lets_its_web_acl_go(cloud: Any) -> None:
    acl = an_acl(cloud)
    _, _, stage = a_stage(cloud)
    association = cloud.make(ASSOCIATION, webAclArn=acl["arn"], resourceArn=stage["arn"])
    stage.delete()
    assert association.read() is None
    acl.delete()


def test_what_does_not_exist_is_not_protected(cloud: Any) -> None:
    acl = an_acl(cloud)
    nowhere = "arn:aws:apigateway:eu-west-1::/restapis/none/stages/live"
    assert "NonexistentItem" in cloud.refused(ASSOCIATION, webAclArn=acl["arn"], resourceArn=nowhere)


def test_logging_lives_and_dies(cloud: Any) -> None:
    acl = an_acl(cloud)
    group = cloud.make(GROUP, name="aws-waf-logs-door")
    header = {"singleHeader": {"name": "authorization"}}
    logging = cloud.make(LOGGING, resourceArn=acl["arn"], logDestinationConfigs=[group["arn"]], redactedFields=[header])
    logging.update(redactedFields=[header, {"queryString": {}}])
    assert logging.forecast(resourceArn=f"{acl['arn']}-2").replaces == {"resourceArn"}
    logging.delete()
