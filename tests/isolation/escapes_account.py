"""The classic escapes of what starts, tells and rules: machines of states, events, logs, topics, functions, roles."""

from __future__ import annotations

from typing import Final

from tests.isolation.escape import Escape, each

PASSED_TO: Final = (
    "batch.amazonaws.com",
    "ec2.amazonaws.com",
    "ecs-tasks.amazonaws.com",
    "eks.amazonaws.com",
    "events.amazonaws.com",
    "firehose.amazonaws.com",
    "glue.amazonaws.com",
    "lambda.amazonaws.com",
    "pods.eks.amazonaws.com",
    "s3.amazonaws.com",
    "sagemaker.amazonaws.com",
    "scheduler.amazonaws.com",
    "states.amazonaws.com",
)
ACCOUNT: Final[tuple[Escape, ...]] = (
    each(
        "states",
        "start as another's role",
        "StartExecution StartSyncExecution UpdateStateMachine DescribeStateMachine DeleteStateMachine",
        "statemachine",
    ),
    each(
        "states",
        "read and stop a run",
        "GetExecutionHistory DescribeExecution StopExecution RedriveExecution",
        "execution",
    ),
    each(
        "events",
        "another's rules",
        "PutRule PutTargets DisableRule RemoveTargets DeleteRule DescribeRule",
        "rule-on-custom-event-bus rule-on-default-event-bus",
    ),
    each("events", "forge and open a bus", "PutEvents DeleteEventBus UpdateEventBus", "event-bus"),
    each(
        "events",
        "read archives and passwords",
        "StartReplay UpdateArchive UpdateConnection DescribeConnection",
        "archive connection",
    ),
    each(
        "scheduler",
        "another's schedules",
        "CreateSchedule UpdateSchedule DeleteSchedule GetSchedule DeleteScheduleGroup",
        "schedule schedule-group",
    ),
    each("cloudwatch", "silence alarms", "SetAlarmState DisableAlarmActions PutMetricAlarm DeleteAlarms", "alarm"),
    each("cloudwatch", "read and change dashboards", "GetDashboard PutDashboard DeleteDashboards", "dashboard"),
    each(
        "logs",
        "read logs",
        "FilterLogEvents StartQuery StartLiveTail DescribeLogStreams GetLogGroupFields",
        "log-group",
    ),
    each("logs", "read and write a stream", "GetLogEvents PutLogEvents DeleteLogStream", "log-stream"),
    each(
        "logs",
        "send logs elsewhere, or away",
        "PutSubscriptionFilter DeleteLogGroup PutRetentionPolicy DisassociateKmsKey CreateExportTask PutMetricFilter",
        "log-group",
    ),
    each("budgets", "another's limit", "ModifyBudget ExecuteBudgetAction DeleteBudgetAction", "budget budgetAction"),
    each("execute-api", "call another's service", "Invoke", "execute-api-general"),
    each(
        "sns",
        "read, write and open topics",
        "Publish Subscribe SetTopicAttributes AddPermission DeleteTopic GetTopicAttributes",
        "topic",
    ),
    each(
        "sqs",
        "read, write and open queues",
        "SendMessage ReceiveMessage DeleteMessage SetQueueAttributes AddPermission DeleteQueue PurgeQueue",
        "queue",
    ),
    each(
        "lambda",
        "call and change functions",
        "InvokeFunction UpdateFunctionCode UpdateFunctionConfiguration GetFunction AddPermission "
        "DeleteFunction CreateFunctionUrlConfig",
        "function",
    ),
    each("lambda", "read layers", "GetLayerVersion", "layerVersion"),
    *(
        each(
            "iam",
            f"hand another's role to {service.partition('.')[0]}",
            "PassRole",
            "role",
            context={"iam:PassedToService": service},
        )
        for service in PASSED_TO
    ),
    each(
        "iam",
        "change another's role",
        "PutRolePolicy AttachRolePolicy UpdateAssumeRolePolicy DeleteRole DeleteRolePolicy CreateRole",
        "role",
    ),
    each(
        "iam",
        "change another's policy",
        "CreatePolicyVersion DeletePolicy SetDefaultPolicyVersion DeletePolicyVersion",
        "policy",
    ),
    each("sts", "become another's role", "AssumeRole TagSession SetSourceIdentity", "role"),
)
