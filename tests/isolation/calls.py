"""What IAM is asked when a deployment calls AWS: actions by their own names, the ARNs that they are on, the context.

Names and resources are those of the service authorization reference
(service-authorization/latest/reference/reference_policies_actions-resources-contextkeys).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.isolation import gateway
from tests.isolation.call_tables import (
    ACTIONS,
    ALARMED,
    ARN_OF,
    CREATE_ACTIONS,
    INSIDE,
    KEYS,
    NAMED_BY_ID,
    NOBODYS_ALARM,
    ON_EVERYTHING,
    PASSED_TO,
    PLACES,
    PREFIXES,
    TAGGING,
    TARGET,
    UNLISTED,
    Value,
)
from tests.isolation.judge import Action, Judge, Question

from modelyard_sandbox.inprocess import Call, Deployed

_ROLE: Final = re.compile(r"arn:aws:iam::\d{12}:role/[^*]+")
_KEY: Final = re.compile(r"arn:aws:kms:[a-z0-9-]+:\d{12}:key/[0-9a-f-]+")
_GLOBAL: Final = ("iam", "s3")


class Unmapped(AssertionError):
    """A call of which nobody has said what IAM is asked; the tables of this module are to be completed."""


@dataclass(frozen=True)
class Stack:
    """A deployed stack: who deploys it, and its resources by URN, as they were while it stood."""

    principal: str
    account: str
    region: str
    path: str
    """The IAM path of the team."""
    boundary: str
    resources: Mapping[str, Deployed]
    judge: Judge
    _known: dict[str, Mapping[str, Action]] = field(default_factory=dict[str, Mapping[str, Action]])

    def action(self, name: str) -> Action:
        """An action of the reference."""
        service = name.partition(":")[0]
        if service not in self._known:
            self._known[service] = {action.name: action for action in self.judge.table(service).actions}
        if name not in self._known[service]:
            raise Unmapped(f"{name} is no action of the service authorization reference; give its name in ACTIONS")
        return self._known[service][name]

    def asked(self, call: Call) -> Iterator[Question]:
        """What IAM is asked about one call."""
        prefix = PREFIXES.get(call.service, call.service)
        operation = f"{prefix}:{call.operation}"
        tags = _tags(call.parameters)
        resource = self.resources.get(call.urn)
        made = resource.properties.get("tags") if resource else None
        scaled = self._scaled(call)
        if operation in TAGGING and call.step == "create" and made:
            tags = made
        actions = list(ACTIONS.get(operation, (operation,)))
        if prefix == "apigateway":
            actions = gateway.actions(call)
        if operation == "s3:DeleteObject" and call.parameters.get("VersionId"):
            actions = ["s3:DeleteObjectVersion"]
        if operation in TAGGING and tags:
            actions.append(TAGGING[operation])
        api = self._api(call)
        on = (
            api
            if api
            else scaled.properties.get("tags")
            if scaled and scaled != resource
            else made
            if call.step != "create"
            else None
        )
        context = self._context(call, tags, on)
        for name in actions:
            for arn in gateway.arns(call, name, self.region) or self._arns(prefix, operation, name, call):
                if not any(name == action and kind in arn for action, kind in UNLISTED):
                    yield self.question(name, arn, context)
        for name, arn in gateway.beside(call):
            if not any(name == action and kind in arn for action, kind in UNLISTED):
                yield self.question(name, arn, context)
        for arn in gateway.rule_sets(call, self.region, self.account):
            yield self.question(operation, arn, context)
        if call.step in ("create", "update"):
            service = PASSED_TO.get(operation, "sagemaker.amazonaws.com" if prefix == "sagemaker" else "")
            for role in sorted({*_found(_ROLE, call.parameters), *gateway.roles(call)}) if service else ():
                yield self.question("iam:PassRole", role, {"iam:PassedToService": service})
        yield from self._inside(call)
        for name in ALARMED.get(operation, ()):
            alarm = f"alarm:TargetTracking-{call.parameters['ResourceId']}-AlarmHigh-0"
            yield self.question(name, self.arn("cloudwatch", alarm))
        for key in self._keys(operation, call):
            via = {"kms:ViaService": f"{prefix}.{self.region}.amazonaws.com", "kms:GrantIsForAWSResource": "true"}
            for name in KEYS[operation]:
                yield self.question(name, key, via)

    def question(self, action: str, arn: str, context: Mapping[str, Value] | None = None) -> Question:
        """A question of the deploying role's, with what of the context the action knows.

        Tags of buckets are none of it: S3 tells them to IAM only where that was switched on for the bucket.
        """
        known = self.action(action)
        if arn == "*" and action in ON_EVERYTHING:
            arn = self.arn("cloudwatch", NOBODYS_ALARM)
        if arn == "*" and known.on:
            raise Unmapped(f"{action} is on something; that anything at all is allowed says nothing")
        keys = {*known.keys, *(key for keys in known.on.values() for key in keys)}
        forms = {key.replace("${TagKey}", "").replace("tag-key", "") for key in keys}
        if action.startswith("s3:"):
            forms = {form for form in forms if not form.startswith("aws:ResourceTag/")}
        told = {
            key: value
            for key, value in (context or {}).items()
            if key in keys or ("/" in key and key.partition("/")[0] + "/" in forms)
        }
        return Question(self.principal, action, arn, told)

    def arn(self, service: str, last: str) -> str:
        """The ARN of something of the stack's account, unless it is one already."""
        if last.startswith("arn:"):
            return last
        region = "" if service in _GLOBAL else self.region
        account = "" if service == "s3" else self.account
        return f"arn:aws:{service}:{region}:{account}:{last}"

    def _context(self, call: Call, tags: Mapping[str, str], on: Mapping[str, str] | None) -> dict[str, Value]:
        context: dict[str, Value] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        if names := (*tags, *_untagged(call.parameters)):
            context["aws:TagKeys"] = tuple(names)
        context |= {f"aws:ResourceTag/{key}": value for key, value in (on or {}).items()}
        resource = self.resources.get(call.urn)
        if call.service == "ec2" and call.step == "create" and resource and resource.type in CREATE_ACTIONS:
            context["ec2:CreateAction"] = CREATE_ACTIONS[resource.type]
        if call.service == "application-autoscaling" and "ScalableDimension" in call.parameters:
            context["application-autoscaling:scalable-dimension"] = call.parameters["ScalableDimension"]
            context["application-autoscaling:service-namespace"] = call.parameters["ServiceNamespace"]
        if call.service == "iam":
            named = call.parameters.get("PermissionsBoundary") or (
                "" if call.operation.startswith("Create") else self.boundary
            )
            context |= {"iam:PermissionsBoundary": named} if named else {}
            context |= {"iam:PolicyARN": call.parameters["PolicyArn"]} if "PolicyArn" in call.parameters else {}
        if call.operation == "PutRule" and call.service == "events":
            sources = json.loads(call.parameters["EventPattern"]).get("source", [])
            context |= {"events:source": tuple(sources)} if sources else {}
        if call.operation == "PutTargets":
            context["events:TargetArn"] = tuple(target["Arn"] for target in call.parameters["Targets"])
        if call.operation.endswith("EventSourceMapping"):
            context["lambda:FunctionArn"] = self._own_arn(call)
        return context

    def _arns(self, service: str, operation: str, action: str, call: Call) -> tuple[str, ...]:
        on = self.action(action).on
        composite = operation == "cloudwatch:PutCompositeAlarm" or "CompositeAlarm" in call.parameters.get(
            "AlarmTypes", ()
        )
        if not on or (action in ON_EVERYTHING and composite):
            return ("*",)
        if service == "glue":
            parts = _in_the_catalog(call, operation)
            parts = parts[-1:] if action == TAGGING.get(operation) else parts
            return tuple(self.arn("glue", last) for last in parts) or (self._own_arn(call),)
        if operation in ("scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:GetSchedule",
                         "scheduler:DeleteSchedule"):  # fmt: skip
            group = call.parameters.get("GroupName", "default")
            return (self.arn("scheduler", f"schedule/{group}/{call.parameters['Name']}"),)
        if service == "events" and (rule := call.parameters.get("Rule") or call.parameters.get("Name")):
            bus = call.parameters.get("EventBusName", "default").rpartition("/")[2]
            return (self.arn("events", f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}"),)
        if service == "logs" and "logStreamName" in call.parameters and "log-stream" in on:
            group, stream = call.parameters["logGroupName"], call.parameters["logStreamName"]
            return (self.arn("logs", f"log-group:{group}:log-stream:{stream}"),)
        if scaled := self._scaled(call):
            return (scaled.properties["arn"],)
        if service == "sns" and "SubscriptionArn" in call.parameters:
            return (call.parameters["SubscriptionArn"].rpartition(":")[0],)
        if service == "s3" and "Key" in call.parameters:
            return (self.arn("s3", f"{call.parameters['Bucket']}/{call.parameters['Key']}"),)
        if action == "batch:TagResource" and operation == "batch:RegisterJobDefinition":
            return (self.arn("batch", f"job-definition/{call.parameters['jobDefinitionName']}:1"),)
        for parameter, last in PLACES.get(service, ()):
            if parameter in call.parameters:
                given = call.parameters[parameter]
                for_each = [given] if isinstance(given, str) else list(given)
                return tuple(self.arn(service, self._last(last, value)) for value in for_each)
        return (self._own_arn(call),)

    def _api(self, call: Call) -> Mapping[str, str] | None:
        """The tags of the API that a call is about, which all that lies in it has."""
        named = call.parameters.get("restApiId") if call.service == gateway.SERVICE else None
        apis = (each for each in self.resources.values() if each.type == gateway.API and each.id == named)
        return next((each.properties.get("tags") for each in apis), None)

    def _scaled(self, call: Call) -> Deployed | None:
        """The target that a call to Application Auto Scaling is on; policies and actions have no ARN for IAM."""
        if call.service != "application-autoscaling" or "ScalableDimension" not in call.parameters:
            return None
        named = {
            "resourceId": call.parameters.get("ResourceId"),
            "scalableDimension": call.parameters["ScalableDimension"],
        }
        return next(
            (
                each
                for each in self.resources.values()
                if each.type == TARGET and all(each.properties.get(prop) == value for prop, value in named.items())
            ),
            None,
        )

    def _inside(self, call: Call) -> Iterator[Question]:
        """What is asked about the things in a stack of CloudFormation's; they bear its tags."""
        stack = self.resources.get(call.urn)
        if call.service != "cloudformation" or stack is None or "templateBody" not in stack.properties:
            return
        tags: Mapping[str, str] = stack.properties.get("tags") or {}
        kind = "Request" if call.step == "create" else "Resource"
        context: dict[str, Value] = {f"aws:{kind}Tag/{key}": value for key, value in tags.items()}
        for thing in json.loads(stack.properties["templateBody"])["Resources"].values():
            for name in INSIDE.get((thing["Type"], call.operation), ()):
                endpoint = self.arn("sagemaker", f"endpoint/{thing['Properties']['EndpointName'].lower()}")
                yield self.question(name, endpoint, context)

    def _last(self, form: str, value: str) -> str:
        return value if value.startswith("arn:") else form.replace("{path}", self.path).replace("{}", value)

    def _own_arn(self, call: Call) -> str:
        resource = self.resources.get(call.urn)
        arn = resource.properties.get(ARN_OF.get(resource.type, "arn")) if resource else None
        if resource and resource.type in NAMED_BY_ID:
            arn = resource.id
        if not isinstance(arn, str):
            raise Unmapped(f"{call.service} {call.operation} for {call.urn}: nobody said what it is on; see PLACES")
        return arn

    def _keys(self, operation: str, call: Call) -> tuple[str, ...]:
        """The keys that a call uses: those that it names, else those of the thing that it is on."""
        if operation not in KEYS:
            return ()
        said = call.parameters.get("KMSKeyArn", "") if call.service == "lambda" else call.parameters
        if named := _found(_KEY, said):
            return tuple(sorted(named))
        resource = self.resources.get(call.urn)
        things = [resource] if resource else []
        if resource and (secret := resource.properties.get("secretId")):
            things += [each for each in self.resources.values() if each.custom and each.properties.get("arn") == secret]
        if resource and (config := resource.properties.get("endpointConfigName")):
            things += [each for each in self.resources.values() if each.custom and each.id == config]
        return tuple(sorted({key for thing in things for key in _found(_KEY, thing.properties)}))


def _in_the_catalog(call: Call, operation: str) -> tuple[str, ...]:
    """The last parts of the ARNs that a call to Glue's catalog is on (glue/latest/dg/glue-specifying-resource-arns)."""
    given = call.parameters
    if "Ruleset" in operation:
        return (f"dataQualityRuleset/{given['Name']}",)
    table = given.get("TableInput", {}).get("Name") or given.get("TableName") or given.get("Name", "*")
    if "DatabaseName" in given:
        return ("catalog", f"database/{given['DatabaseName']}", f"table/{given['DatabaseName']}/{table}")
    name = given.get("DatabaseInput", {}).get("Name") or given.get("Name")
    if operation == "glue:DeleteDatabase":
        return ("catalog", f"database/{name}", f"table/{name}/all", f"userDefinedFunction/{name}/all")
    if "Database" in operation:
        return ("catalog", f"database/{name}")
    return (given["ResourceArn"],) if "ResourceArn" in given else ()


def _tags(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The tags that a call carries, in whichever of the services' forms."""
    for name in ("Tags", "tags", "TagsToAdd", "Tagging"):
        found = parameters.get(name)
        if isinstance(found, Mapping) and "TagSet" in found:
            found = found["TagSet"]
        if isinstance(found, Mapping):
            return dict(found)
        if isinstance(found, list):
            return {tag.get("Key", tag.get("key")): tag.get("Value", tag.get("value", "")) for tag in found}
    return {}


def _untagged(parameters: Mapping[str, Any]) -> Sequence[str]:
    return next((parameters[name] for name in ("TagKeys", "tagKeys", "TagsToRemove") if name in parameters), ())


def _found(form: re.Pattern[str], value: Any) -> set[str]:
    """The values, however deep, that have a form as a whole; documents in texts are no values."""
    if isinstance(value, str):
        return {value} if form.fullmatch(value) else set()
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return {found for each in inner for found in _found(form, each)}
