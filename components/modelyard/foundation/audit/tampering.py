"""What counts as tampering: patterns of EventBridge rules, and filters on what the trail logs.

EventBridge delivers an API call only in the region where it happened, which for IAM and the root user's sign-in is
another one than the platform's (us-east-1); those are found in the trail's log group, which holds every region
(eventbridge/latest/userguide/eb-service-event-cloudtrail).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelyard.foundation.audit.places import RULES, Places

SAYS: Final[Mapping[str, str]] = {
    "trail": "The audit's trail was stopped, changed or deleted",
    "bucket": "The bucket of the audit's trail was opened, unlocked or deleted",
    "keys": "The policy of a key was changed, or a key is going away",
    "telling": "What tells of tampering was changed or deleted",
    "boundary": "The permissions boundary of a role was changed or taken away",
    "denied": "Many calls are refused: somebody tries doors",
    "root": "The root user of the account did something",
}
"""What each rule and alarm tells people."""


def _calls(service: str, *names: str, **parameters: Sequence[Any]) -> dict[str, Any]:
    about = {"requestParameters": {name: list(values) for name, values in parameters.items()}} if parameters else {}
    return {"eventSource": [f"{service}.amazonaws.com"], "eventName": sorted(names), **about}


def rule_patterns(places: Places) -> dict[str, dict[str, Any]]:
    """The event patterns of the rules by role, each about the things of this audit; keys are the whole account's."""
    alternatives = {"trail": _trail(places), "bucket": _bucket(places), "keys": _KEYS, "telling": _telling(places)}
    return {
        role: {
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": calls[0] if len(calls) == 1 else {"$or": calls},
        }
        for role, calls in alternatives.items()
    }


_KEYS: Final = [_calls("kms", "DeleteImportedKeyMaterial", "DisableKey", "PutKeyPolicy", "ScheduleKeyDeletion")]


def _trail(places: Places) -> list[dict[str, Any]]:
    names = (places.trail, places.trail_name)
    return [
        _calls("cloudtrail", "DeleteTrail", "StopLogging", "UpdateTrail", name=names),
        _calls("cloudtrail", "PutEventSelectors", trailName=names),
    ]


def _bucket(places: Places) -> list[dict[str, Any]]:
    opened = ("DeleteBucketPolicy", "DeleteBucketPublicAccessBlock", "PutBucketAcl", "PutBucketOwnershipControls")
    exposed = ("PutBucketPolicy", "PutBucketPublicAccessBlock", "PutBucketReplication")
    unlocked = ("PutBucketLifecycle", "PutBucketObjectLockConfiguration", "PutBucketVersioning")
    undone = ("DeleteBucket", "DeleteBucketEncryption", "PutBucketEncryption")
    return [_calls("s3", *opened, *exposed, *unlocked, *undone, bucketName=[places.bucket_name])]


def _telling(places: Places) -> list[dict[str, Any]]:
    own_rules = [places.rule_name(role) for role in RULES]
    own_alarms = [arn.rpartition(":")[2] for arn in places.alarms]
    changed = ("DeleteLogGroup", "DeleteMetricFilter", "DeleteRetentionPolicy", "PutMetricFilter", "PutRetentionPolicy")
    return [
        _calls("events", "DeleteRule", "DisableRule", "PutRule", name=own_rules),
        _calls("events", "PutTargets", "RemoveTargets", rule=own_rules),
        _calls("events", "DeleteEventBus", name=[places.bus_name]),
        _calls("events", "PutPermission", "RemovePermission", eventBusName=[places.bus_name]),
        _calls("events", "DeleteArchive", "UpdateArchive", archiveName=[places.archive_name]),
        _calls("monitoring", "DeleteAlarms", "DisableAlarmActions", alarmNames=own_alarms),
        _calls("monitoring", "PutMetricAlarm", alarmName=own_alarms),
        _calls("sns", "DeleteTopic", "SetTopicAttributes", topicArn=[places.topic]),
        _calls("sns", "Unsubscribe", subscriptionArn=[{"prefix": f"{places.topic}:"}]),
        _calls("logs", *changed, logGroupName=[places.log_group_name]),
    ]


@dataclass(frozen=True, slots=True)
class Filter:
    """A metric filter of the trail's log group, and how many matches within five minutes raise its alarm."""

    pattern: str
    threshold: int = 1


def _any_of(field: str, *values: str) -> str:
    return "(" + " || ".join(f'($.{field} = "{value}")' for value in values) + ")"


def filters(denied_calls: int) -> dict[str, Filter]:
    """The filters by role, over every region (CIS AWS Foundations 4.1 and 4.3; boundaries are our own).

    Versions of a policy count where it is called as a team's boundary is; a filter takes wildcards at both ends only.
    """
    boundaries = "*-fence-boundary*"
    policies = _any_of("eventName", "CreatePolicyVersion", "DeletePolicy", "SetDefaultPolicyVersion")
    roles = _any_of("eventName", "DeleteRolePermissionsBoundary", "PutRolePermissionsBoundary")
    root = '($.userIdentity.type = "Root") && ($.userIdentity.invokedBy NOT EXISTS)'
    return {
        "boundary": Filter(
            f'{{ ($.eventSource = "iam.amazonaws.com") && '
            f'({roles} || ({policies} && ($.requestParameters.policyArn = "{boundaries}"))) }}'
        ),
        "denied": Filter(
            "{ " + _any_of("errorCode", "*UnauthorizedOperation", "AccessDenied*", "Client.AccessDenied*") + " }",
            denied_calls,
        ),
        "root": Filter(f'{{ {root} && ($.eventType != "AwsServiceEvent") }}'),
    }
