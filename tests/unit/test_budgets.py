import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from modelyard.assess.graph import record
from modelyard.core import access
from modelyard.core.context import Context
from modelyard.core.errors import SpecError
from modelyard.core.spec import SourceMap
from modelyard.foundation.budgets import Budget, BudgetSpec, alert_key_use, alert_publishers

CONTEXT = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
FRAUD = CONTEXT.for_team("fraud", boundary="arn:aws:iam::123456789012:policy/b")
OWNERS = ("ada@acme.example", "bob@acme.example")
DEPLOYMENT = "arn:aws:iam::123456789012:role/modelyard/ml/dev/fraud/ml-dev-fraud-fence-deployment"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"


class Topic:
    arn = pulumi.Output.from_input(TOPIC)


def spec(**given: Any) -> BudgetSpec:
    """A budget, as it stands in a team's file."""
    read = BudgetSpec.model_validate({"monthly_usd": 500, **given})
    read.locate(SourceMap("teams/fraud.yaml"), "budget")
    return read


def nodes(given: BudgetSpec, context: Context = FRAUD, **capabilities: Any) -> dict[str, Any]:
    """The resources of a budget, by the end of their names."""
    arguments = {"owners": OWNERS, "roles": [DEPLOYMENT], **capabilities}
    graph = record(
        lambda: Budget("spend", given, context=context, **arguments) and None,
        project="p",
        stack="s",
        region=context.region,
    )
    return {
        node.name.removeprefix("spend-"): {**node.outputs, **node.properties}
        for node in graph.nodes
        if node.type.startswith("aws:")
    }


def refused(given: BudgetSpec, **capabilities: Any) -> str:
    with pytest.raises(SpecError) as caught:
        nodes(given, **capabilities)
    return str(caught.value)


def denying(**given: Any) -> BudgetSpec:
    return spec(deny_spending={"approval": "automatic", **given})


def statements(document: str) -> list[dict[str, Any]]:
    return json.loads(document)["Statement"]


def test_a_teams_budget_counts_what_carries_its_tags_in_this_environment_and_no_credits():
    budget = nodes(spec())["budget"]
    tags = [{"tags": {"key": key, "values": [value]}} for key, value in
            (("platform", "ml"), ("environment", "dev"), ("team", "fraud"))]  # fmt: skip
    credits = {"not": {"dimensions": {"key": "RECORD_TYPE", "values": ["Credit", "Refund"]}}}
    assert budget["filterExpression"] == {"ands": [*tags, credits]}
    assert (budget["limitAmount"], budget["limitUnit"], budget["timeUnit"]) == ("500", "USD", "MONTHLY")


def test_the_platforms_budget_counts_every_team():
    ands = nodes(spec(), CONTEXT)["budget"]["filterExpression"]["ands"]
    assert [part["tags"]["key"] for part in ands[:-1]] == ["platform", "environment"]


def test_a_budget_of_an_account_counts_what_cannot_be_tagged_too():
    first, *rest = nodes(spec(counts="account"))["budget"]["filterExpression"]["ands"]
    assert first == {"dimensions": {"key": "LINKED_ACCOUNT", "values": ["123456789012"]}}
    assert not [part for part in rest if "tags" in part]


def test_owners_hear_at_half_way_in_time_and_when_it_is_over():
    told = nodes(spec(notify=["cfo@acme.example", OWNERS[0]]))["budget"]["notifications"]
    assert [(entry["notificationType"], entry["threshold"]) for entry in told] == [
        ("ACTUAL", 50),
        ("ACTUAL", 80),
        ("ACTUAL", 100),
        ("FORECASTED", 100),
    ]
    assert all(entry["subscriberEmailAddresses"] == [*OWNERS, "cfo@acme.example"] for entry in told)
    assert not any("subscriberSnsTopicArns" in entry for entry in told)


def test_alerts_go_to_the_topic_where_there_is_one():
    told = nodes(spec(), topic=Topic())["budget"]["notifications"]
    assert all(entry["subscriberSnsTopicArns"] == [TOPIC] for entry in told)
    alone = nodes(spec(), owners=(), topic=Topic())["budget"]["notifications"]
    assert not any("subscriberEmailAddresses" in entry for entry in alone), "AWS refuses an empty list"


def test_nothing_is_denied_and_nothing_watched_unless_the_spec_says_so():
    assert set(nodes(spec())) == {"budget"}


def test_what_is_denied_starts_a_meter_and_what_serves_goes_on():
    (deny, stays) = statements(nodes(denying())["no-new-spending"]["policy"])
    assert deny["Effect"] == stays["Effect"] == "Deny"
    assert {"sagemaker:CreateTrainingJob", "sagemaker:CreateEndpoint", "ec2:RunInstances"} <= set(deny["Action"])
    serving = {"InvokeEndpoint", "InvokeEndpointAsync", "UpdateEndpoint", "UpdateEndpointWeightsAndCapacities"}
    assert not {f"sagemaker:{action}" for action in serving} & set(deny["Action"])
    assert not [action for action in deny["Action"] if "*" in action or ":Delete" in action or ":Stop" in action]


def test_who_is_denied_takes_the_denial_off_by_no_way():
    policies = nodes(denying())
    deny, stays = statements(policies["no-new-spending"]["policy"])
    assert stays["Action"] == "iam:DetachRolePolicy"
    assert stays["Condition"] == {"ArnEquals": {"iam:PolicyARN": policies["no-new-spending"]["arn"]}}
    assert "iam:CreateRole" in deny["Action"], "a new role would be without the denial"
    assert policies["no-new-spending"]["path"] == "/modelyard/ml/dev/platform/", "where the team can't write policies"


def test_the_action_applies_that_policy_to_those_roles():
    made = nodes(denying(at_percent=110, measured="forecasted"), topic=Topic())
    action = made["deny-spending"]
    applied = action["definition"]["iamActionDefinition"]
    assert applied == {"policyArn": made["no-new-spending"]["arn"], "roles": ["ml-dev-fraud-fence-deployment"]}
    assert action["actionThreshold"] == {"actionThresholdType": "PERCENTAGE", "actionThresholdValue": 110}
    assert (action["approvalModel"], action["notificationType"]) == ("AUTOMATIC", "FORECASTED")
    assert action["executionRoleArn"] == made["runner-role"]["arn"]
    assert [told["subscriptionType"] for told in action["subscribers"]] == ["EMAIL", "EMAIL", "SNS"]


def test_the_runner_attaches_this_one_policy_to_these_roles_and_does_nothing_else():
    made = nodes(denying())
    (only,) = statements(made["runner-spend-access"]["policy"])
    assert only == {
        "Effect": "Allow",
        "Action": ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
        "Resource": DEPLOYMENT,
        "Condition": {"ArnEquals": {"iam:PolicyARN": made["no-new-spending"]["arn"]}},
    }


def test_the_runner_acts_for_this_budget_of_this_account_only():
    made = nodes(denying())
    (trust,) = statements(made["runner-role"]["assumeRolePolicy"])
    budget = made["budget"]["arn"]
    assert trust["Principal"] == {"Service": "budgets.amazonaws.com"}
    assert trust["Condition"] == {
        "ArnLike": {"aws:SourceArn": [budget, f"{budget}/action/*"]},
        "StringEquals": {"aws:SourceAccount": "123456789012"},
    }
    assert made["runner-role"]["path"] == "/modelyard/ml/dev/platform/", "the team can neither change nor pass it"


def test_the_denial_fits_a_managed_policy():
    document = nodes(denying())["no-new-spending"]["policy"]
    assert len(document) <= access.MANAGED_LENGTH


def test_a_monitor_of_a_tag_is_a_custom_one_and_mails_come_daily():
    made = nodes(spec(anomalies={"kind": "tag", "threshold_usd": 40}), topic=Topic())
    monitor = made["anomaly-monitor"]
    assert monitor["monitorType"] == "CUSTOM"
    assert json.loads(monitor["monitorSpecification"])["Tags"]["Values"] == ["fraud"]
    mails, topic = made["anomalies-mails"], made["anomalies-topic"]
    assert (mails["frequency"], {told["type"] for told in mails["subscribers"]}) == ("DAILY", {"EMAIL"})
    assert (topic["frequency"], topic["subscribers"]) == ("IMMEDIATE", [{"type": "SNS", "address": TOPIC}])
    assert mails["thresholdExpression"]["dimension"]["values"] == ["40"]


def test_the_platforms_monitor_watches_the_environment():
    made = nodes(spec(anomalies={"kind": "tag"}), CONTEXT)
    assert json.loads(made["anomaly-monitor"]["monitorSpecification"])["Tags"]["Key"] == "environment"


def test_the_accounts_own_monitor_of_services_is_made_or_taken_as_it_is():
    made = nodes(spec(anomalies={"kind": "services"}))
    assert (made["anomaly-monitor"]["monitorType"], made["anomaly-monitor"]["monitorDimension"]) == (
        "DIMENSIONAL",
        "SERVICE",
    )
    known = "arn:aws:ce::123456789012:anomalymonitor/2ca0b2b4-0000-0000-0000-000000000000"
    taken = nodes(spec(anomalies={"kind": "services", "existing": known, "mails": "weekly"}))
    assert "anomaly-monitor" not in taken
    assert taken["anomalies-mails"]["monitorArnLists"] == [known]
    assert taken["anomalies-mails"]["frequency"] == "WEEKLY"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"monthly_usd": 0}, "teams/fraud.yaml: budget.monthly_usd: got 0.0; is no budget"),
        ({"monthly_usd": 0}, 'or remove "budget"'),
        ({"monthly_usd": -5}, "budget.monthly_usd: got -5.0; is no budget"),
        ({"monthly_usd": 9.999}, "budget.monthly_usd: got 9.999; has fractions of a cent"),
        ({"alerts": {"actual": [80, 50]}}, "budget.alerts.actual[1]: got 50.0; does not come after 80"),
        ({"alerts": {"forecasted": [100, 100]}}, "budget.alerts.forecasted[1]: got 100.0; does not come after 100"),
        ({"alerts": {"actual": [], "forecasted": []}}, "budget.alerts: tell nobody anything"),
        ({"alerts": {"actual": list(range(10, 110, 10))}}, "budget.alerts: got 11; are more than the 10"),
        ({"notify": ["cfo@acme.example"] * 2}, "budget.notify[1]: got 'cfo@acme.example'; is there already"),
    ],
)  # fmt: skip
def test_a_budget_that_says_nothing_sensible_is_refused(given: dict[str, Any], message: str):

    assert message in refused(spec(**given))


@pytest.mark.parametrize(
    "given",
    [
        {"monthly_usd": float("inf")},
        {"alerts": {"actual": [0]}},
        {"notify": ["nobody"]},
        {"deny_spending": {}},
        {"anomalies": {"kind": "tag", "threshold_usd": 0}},
        {"anomalies": {"kind": "tag", "mails": "immediate"}},
        {"anomalies": {"kind": "services", "existing": "arn:aws:sns:eu-west-1:123456789012:alarms"}},
    ],
)
def test_values_of_the_wrong_kind_are_refused(given: dict[str, Any]):
    with pytest.raises(ValidationError):
        spec(**given)


def test_all_faults_come_at_once():
    message = refused(spec(monthly_usd=0, alerts={"actual": [80, 50]}))
    assert "monthly_usd" in message and "alerts.actual[1]" in message


def test_a_budget_that_tells_nobody_is_refused():
    assert "tells nobody" in refused(spec(), owners=())


def test_more_than_ten_addresses_are_refused():
    many = [f"owner{number}@acme.example" for number in range(11)]
    assert "makes 11 addresses" in refused(spec(), owners=many)
    assert nodes(spec(), owners=many[:10])


def test_a_denial_that_stops_nobody_is_refused():
    assert "denies nobody anything" in refused(denying(), roles=[])
    assert "one action takes 100" in refused(denying(), roles=[f"{DEPLOYMENT}-{n}" for n in range(101)])


def test_topic_and_key_let_the_two_services_in_for_this_account_only():
    for statement in (*alert_publishers(CONTEXT, TOPIC), *alert_key_use(CONTEXT)):
        assert statement.conditions == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
        assert statement.principal is not None
        assert statement.principal.values == ("budgets.amazonaws.com", "costalerts.amazonaws.com")


def test_budgets_of_two_teams_share_no_name():
    names = {nodes(spec(), CONTEXT.for_team(team))["budget"]["name"] for team in ("fraud", "churn")}
    assert len(names) == 2


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "budgets.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_pages_python_does_what_the_page_says():
    (example,) = blocks("python")
    graph = record(lambda: exec(example, {}), project="p", stack="s", region="eu-west-1")
    (action,) = graph.of_type("aws:budgets/budgetAction:BudgetAction")
    applied = action.properties["definition"]["iamActionDefinition"]
    assert applied["roles"] == ["ml-dev-fraud-scientist"]


def test_the_pages_yaml_is_a_budget_in_each_environment():
    (example,) = blocks("yaml")
    document = YAML(typ="safe").load(example)
    for over in ({}, document["environments"]["prod"]["budget"]):
        assert not list(BudgetSpec.model_validate(document["budget"] | over).all_faults())
