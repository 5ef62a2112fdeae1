"""What a boundary and a deployment role let through, judged as IAM does: by action, resource and condition."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from modelyard.core.access import Statement
from modelyard.core.context import Context
from modelyard.foundation.tenancy import Reach
from modelyard.foundation.tenancy.boundary import boundary
from modelyard.foundation.tenancy.deployment import manages, within

ACCOUNT = "123456789012"
CONTEXT = Context(
    organization="acme", platform="ml", environment="dev", region="eu-west-1", account=ACCOUNT, team="fraud"
)
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1"
REACH = Reach(CONTEXT)
INSIDE = {"iam:PermissionsBoundary": REACH.boundary}


def deployment(reach: Reach, keys: Sequence[str]) -> list[Statement]:
    """All that the deployment role may do."""
    return [*(one for policy in manages(reach).values() for one in policy), *within(reach, keys)]


def _matches(patterns: tuple, value: str) -> bool:
    return any(fnmatchcase(value.lower(), str(pattern).lower()) for pattern in patterns)


def _holds(operator: str, key: str, wanted, given: dict) -> bool:
    values = given.get(key)
    listed = [values] if isinstance(values, str) else values
    wanted = [wanted] if isinstance(wanted, str) else wanted
    match operator:
        case "Null":
            return (listed is None) == (wanted == ["true"])
        case "StringEquals" | "Bool":
            return listed is not None and listed[0] in wanted
        case "StringNotEquals":
            return listed is None or listed[0] not in wanted
        case "BoolIfExists" | "StringEqualsIfExists":
            return listed is None or listed[0] in wanted
        case "StringLikeIfExists":
            return listed is None or _matches(tuple(wanted), listed[0])
        case "StringLike":
            return listed is not None and _matches(tuple(wanted), listed[0])
        case "StringNotLike":
            return listed is None or not _matches(tuple(wanted), listed[0])
        case "ArnLike":
            return listed is not None and _matches(tuple(wanted), listed[0])
        case "ForAnyValue:StringEqualsIgnoreCase":
            return any(value.lower() in wanted for value in listed or [])
        case "ForAllValues:StringEquals":
            return all(value in wanted for value in listed or [])
        case "ForAnyValue:ArnNotLike":
            return any(not _matches(tuple(wanted), value) for value in listed or [])
    raise AssertionError(f"the test knows no {operator}")


def allows(statements: list[Statement], action: str, resource: str, **keys) -> bool:
    """What IAM would decide by these statements alone, for a request with these condition keys."""
    keys = {"aws:ResourceAccount": ACCOUNT, **keys}
    decided = False
    for statement in statements:
        if _matches(statement.actions, action) == statement.except_actions:
            continue
        if _matches(statement.resources, resource) == statement.except_resources:
            continue
        tests = [(o, k, v) for o, by_key in statement.conditions.items() for k, v in by_key.items()]
        if all(_holds(o, k, v, keys) for o, k, v in tests):
            if statement.effect == "Deny":
                return False
            decided = True
    return decided


def may_run(action: str, resource: str = "*", **keys) -> bool:
    return allows(boundary(REACH), action, resource, **keys)


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:eu-west-1:{ACCOUNT}:{resource}"
