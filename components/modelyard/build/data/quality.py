"""Rules that are looked at when data arrives, or at night; who answers for the data hears of what doesn't hold."""

from __future__ import annotations

import json
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from modelyard.build.data.catalog import Catalog, storage
from modelyard.build.data.spec import ArrivalCheck, DatasetSpec, QualitySpec, ScheduledCheck
from modelyard.build.data.zone import Zone
from modelyard.core.access import Statement
from modelyard.core.actions import READ_CATALOG
from modelyard.core.component import Component
from modelyard.core.notices import Notices
from modelyard.core.service_role import ServiceRole
from modelyard.foundation.keys import ENCRYPT_AND_DECRYPT, through_service

_LOOK_EVERY_SECONDS: Final = 30
_LONGEST_SUBJECT: Final = 100
_RUN: Final = (
    "glue:GetDataQualityResult",
    "glue:GetDataQualityRulesetEvaluationRun",
    "glue:StartDataQualityRulesetEvaluationRun",
)
_BUSY: Final = ("Glue.ConcurrentRunsExceededException", "Glue.ResourceNumberLimitExceededException")
_FLAKY: Final = ("Glue.InternalServiceException", "Glue.OperationTimeoutException", "Glue.ThrottlingException")


def check_quality(
    lake: Component,
    name: str,
    spec: DatasetSpec,
    *,
    prefix: str,
    zone: Zone,
    catalog: Catalog,
    table: aws.glue.CatalogTable,
    notices: Notices,
) -> aws.sfn.StateMachine:
    """Make the ruleset of a dataset, the machine that looks whether it holds, and what starts that."""
    quality = spec.quality
    if quality is None:
        raise ValueError(f"{name} has no rules")
    context = lake.context
    ruleset = aws.glue.DataQualityRuleset(
        lake.written_at(f"{name}-rules", quality.source()),
        name=lake.physical("glue-ruleset", name),
        description=f"What must hold of {name}",
        ruleset=quality.ruleset(),
        target_table={"database_name": catalog.name, "table_name": table.name},
        opts=lake.options(),
    )
    topic = notices.of(spec.owner)
    ruleset_arn = context.arn("glue", f"dataQualityRuleset/{lake.physical('glue-ruleset', name)}")
    reader = _reader(lake, name, quality, prefix=prefix, zone=zone, catalog=catalog, ruleset_arn=ruleset_arn)
    machine_name = lake.physical("state-machine", f"{name}-quality")
    machine_arn = context.arn("states", f"stateMachine:{machine_name}")
    conductor = ServiceRole(
        lake,
        f"{name}-quality",
        "states",
        source_arn=machine_arn,
        statements=[
            Statement(_RUN, (ruleset_arn,)),
            Statement(("glue:GetTable",), catalog.arns([name])),
            Statement(
                ("iam:PassRole",), (reader.arn,), {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}
            ),
            Statement(("sns:Publish",), (topic,)),
            through_service(context, "sns", ENCRYPT_AND_DECRYPT, zone.key_arn),
            *([Statement(("glue:CreatePartition",), catalog.arns([name]))] if _arrived(spec, prefix) else []),
        ],
        description=f"Step Functions looks whether the rules of {name} hold",
        written=quality.source(),
    )
    definition = pulumi.Output.all(
        reader=reader.arn, topic=topic, ruleset=ruleset.name, table=table.name, bucket=zone.bucket.bucket
    ).apply(
        lambda known: json.dumps(
            definition_of(
                name, spec, database=catalog.name, place=f"s3://{known['bucket']}/{prefix}", prefix=prefix, **known
            )
        )
    )
    machine = aws.sfn.StateMachine(
        lake.written_at(f"{name}-quality", quality.source()),
        name=machine_name,
        role_arn=conductor.arn,
        definition=definition,
        opts=lake.options(depends_on=[conductor.may_work, reader.may_work]),
    )
    first = f"{prefix}{spec.partitions[0].name}=" if spec.partitions else prefix
    _start(lake, name, quality, below=first, zone=zone, machine=machine, machine_arn=machine_arn)
    notices.alarm(
        f"{name}-quality-failed",
        spec.owner,
        metric=("AWS/States", "ExecutionsFailed"),
        dimensions={"StateMachineArn": machine.arn},
        statistic="Sum",
        above=0,
        says=f"The rules of {name} don't hold, or could not be looked at.",
    )
    return machine


def _reader(
    lake: Component, name: str, spec: QualitySpec, *, prefix: str, zone: Zone, catalog: Catalog, ruleset_arn: str
) -> ServiceRole:
    """The role under which Glue reads the data. Source: glue/latest/dg/data-quality-authorization."""
    context = lake.context
    assets = f"arn:{context.partition}:s3:::aws-glue-ml-data-quality-assets-{context.region}/*"
    logs = context.arn("logs", "log-group:/aws-glue/data-quality*")
    return ServiceRole(
        lake,
        f"{name}-quality-reader",
        "glue",
        source_arn=context.arn("glue", "*"),
        statements=[
            *zone.may_read(prefix),
            Statement(READ_CATALOG, catalog.arns([name])),
            Statement(("glue:GetDataQualityRuleset", "glue:PublishDataQuality"), (ruleset_arn,)),
            Statement(("s3:GetObject",), (assets,)),
            Statement(("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"), (logs,)),
        ],
        description=f"Glue reads {name} to look whether its rules hold",
        written=spec.source(),
    )


def definition_of(
    name: str,
    spec: DatasetSpec,
    *,
    database: str,
    table: str,
    ruleset: str,
    reader: str,
    topic: str,
    place: str,
    prefix: str,
    **_: Any,
) -> dict[str, Any]:
    """The state machine: start a run, wait for its end, look at the score, tell the owner what doesn't hold.

    The partition that is new is registered first, and only that is looked at: Glue sees registered partitions only.
    """
    quality = spec.quality
    if quality is None:
        raise ValueError(f"{name} has no rules")
    source: dict[str, Any] = {"DatabaseName": database, "TableName": table}
    first: dict[str, Any] = {}
    values = _arrived(spec, prefix)
    if values:
        first = _register(spec, database, table, place, values)
        source["AdditionalOptions"] = _only_new(spec, values)
    evaluate = {
        "DataSource": {"GlueTable": source},
        "NumberOfWorkers": quality.workers,
        "Role": reader,
        "RulesetNames": [ruleset],
        "Timeout": quality.timeout_minutes,
    }
    told = {
        "TopicArn": topic,
        "Subject": f"{name}: its rules don't hold"[:_LONGEST_SUBJECT],
        "Message.$": f"States.Format('Of the rules of {name} a share of {{}} holds. Those that do not: {{}}', "
        "$.result.Score, States.JsonToString($.failing.Rules))",
    }
    states: dict[str, Any] = {
        **first,
        "Evaluate": _task(
            "glue:startDataQualityRulesetEvaluationRun", evaluate, "$.run", "Wait", retried=(*_BUSY, *_FLAKY)
        ),
        "Wait": {"Type": "Wait", "Seconds": _LOOK_EVERY_SECONDS, "Next": "Look"},
        "Look": _task(
            "glue:getDataQualityRulesetEvaluationRun", {"RunId.$": "$.run.RunId"}, "$.state", "Over", retried=_FLAKY
        ),
        "Over": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.state.Status", "StringEquals": "SUCCEEDED", "Next": "Result"},
                *(
                    {"Variable": "$.state.Status", "StringEquals": status, "Next": "Wait"}
                    for status in ("STARTING", "RUNNING", "STOPPING")
                ),
            ],
            "Default": "NotLookedAt",
        },
        "Result": _task(
            "glue:getDataQualityResult", {"ResultId.$": "$.state.ResultIds[0]"}, "$.result", "Judge", retried=_FLAKY
        ),
        "Judge": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.result.Score", "NumericGreaterThanEquals": 1, "Next": "Holds"}],
            "Default": "Failing",
        },
        "Failing": {
            "Type": "Pass",
            "Parameters": {"Rules.$": "$.result.RuleResults[?(@.Result != 'PASS')]"},
            "ResultPath": "$.failing",
            "Next": "Tell",
        },
        "Tell": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sns:publish",
            "Parameters": told,
            "Retry": [_retry(("States.TaskFailed",))],
            "Next": "DoesNotHold",
        },
        "Holds": {"Type": "Succeed"},
        "DoesNotHold": {"Type": "Fail", "Error": "DoesNotHold", "Cause": f"Not every rule of {name} holds"},
        "NotLookedAt": {"Type": "Fail", "Error": "NotLookedAt", "Cause": f"The run over {name} failed or was stopped"},
    }
    return {"Comment": f"Whether the rules of {name} hold", "StartAt": next(iter(states)), "States": states}


def _task(operation: str, parameters: dict[str, Any], result: str, then: str, *, retried: tuple[str, ...]) -> Any:
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::aws-sdk:{operation}",
        "Parameters": parameters,
        "ResultPath": result,
        "Retry": [_retry(retried)],
        "Next": then,
    }


def _retry(errors: tuple[str, ...]) -> dict[str, Any]:
    return {"ErrorEquals": list(errors), "IntervalSeconds": 30, "MaxAttempts": 8, "BackoffRate": 2}


def _arrived(spec: DatasetSpec, prefix: str) -> list[str]:
    """The partition that is new, value by value: of the object that arrived, or of today; empty for none.

    What jobs write, they register; what ingestion writes, nobody else does.
    """
    if not spec.partitions or spec.quality is None:
        return []
    if isinstance(spec.quality.when, ArrivalCheck):
        depth = prefix.count("/")
        segments = (
            f"States.ArrayGetItem(States.StringSplit($.detail.object.key, '/'), {depth + index})"
            for index, _ in enumerate(spec.partitions)
        )
        return [f"States.ArrayGetItem(States.StringSplit({segment}, '='), 1)" for segment in segments]
    today = "States.ArrayGetItem(States.StringSplit($.time, 'T'), 0)"
    return [today] if spec.ingestion is not None else []


def _only_new(spec: DatasetSpec, values: list[str]) -> dict[str, str]:
    """Limits a run to the partition that arrived; at night, to that of today and the day before."""
    if spec.quality is not None and isinstance(spec.quality.when, ArrivalCheck):
        tests = " and ".join(f'{column.name}="{{}}"' for column in spec.partitions)
        return {"pushDownPredicate.$": f"States.Format('{tests}', {', '.join(values)})"}
    return {"pushDownPredicate": f"{spec.partitions[0].name} >= date_sub(current_date(), 1)"}


def _register(spec: DatasetSpec, database: str, table: str, place: str, values: list[str]) -> dict[str, Any]:
    path = "/".join(f"{column.name}={{}}" for column in spec.partitions)
    described = _camel(storage(spec))
    described["Location.$"] = f"States.Format('{place}{path}/', {', '.join(values)})"
    parameters = {
        "DatabaseName": database,
        "TableName": table,
        "PartitionInput": {"Values.$": f"States.Array({', '.join(values)})", "StorageDescriptor": described},
    }
    task = _task("glue:createPartition", parameters, "$.partition", "Evaluate", retried=_FLAKY)
    known = {"ErrorEquals": ["Glue.AlreadyExistsException"], "ResultPath": "$.partition", "Next": "Evaluate"}
    return {"Register": {**task, "Catch": [known]}}


def _camel(value: Any) -> Any:
    """The catalog's arguments as Glue's API spells them."""
    if isinstance(value, dict):
        spelled = {"ser_de_info": "SerdeInfo"}
        return {
            spelled.get(key, "".join(word.capitalize() for word in key.split("_"))): _camel(item)
            for key, item in value.items()
            if item is not None
        }
    return [_camel(item) for item in value] if isinstance(value, list) else value


def _start(
    lake: Component,
    name: str,
    spec: QualitySpec,
    *,
    below: str,
    zone: Zone,
    machine: aws.sfn.StateMachine,
    machine_arn: str,
) -> None:
    context, role_name = lake.context, f"{name}-quality-start"
    start = Statement(("states:StartExecution",), (machine_arn,))
    if isinstance(spec.when, ScheduledCheck):
        schedule = lake.physical("schedule", f"{name}-quality")
        group = aws.scheduler.ScheduleGroup(lake.named(f"{name}-quality-schedules"), name=schedule, opts=lake.options())
        role = ServiceRole(
            lake,
            role_name,
            "scheduler",
            source_arn=context.arn("scheduler", f"schedule-group/{schedule}"),
            statements=[start],
            description=f"A schedule looks whether the rules of {name} hold",
            written=spec.source(),
        )
        aws.scheduler.Schedule(
            lake.named(f"{name}-quality-schedule"),
            name=schedule,
            group_name=group.name,
            schedule_expression=spec.when.expression,
            flexible_time_window={"mode": "FLEXIBLE", "maximum_window_in_minutes": 15},
            target={
                "arn": machine.arn,
                "role_arn": role.arn,
                "input": json.dumps({"time": "<aws.scheduler.scheduled-time>"}),
            },
            opts=lake.options(depends_on=[role.may_work]),
        )
        return
    rule_name = lake.physical("event-rule", f"{name}-arrived")
    role = ServiceRole(
        lake,
        role_name,
        "events",
        source_arn=context.arn("events", f"rule/{rule_name}"),
        statements=[start],
        description=f"Arrivals start a look whether the rules of {name} hold",
        written=spec.source(),
    )
    pattern = zone.bucket.bucket.apply(
        lambda bucket: json.dumps(
            {
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": below}]}},
            }
        )
    )
    rule = aws.cloudwatch.EventRule(
        lake.named(f"{name}-arrived"),
        name=rule_name,
        description=f"An object of {name} arrived",
        event_pattern=pattern,
        opts=lake.options(),
    )
    aws.cloudwatch.EventTarget(
        lake.named(f"{name}-arrived-target"),
        rule=rule.name,
        arn=machine.arn,
        role_arn=role.arn,
        opts=lake.options(depends_on=[role.may_work]),
    )
