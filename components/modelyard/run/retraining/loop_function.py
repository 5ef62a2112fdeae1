"""What the loop's machine can't do by itself: guards, the judgement of a version, and requests made from a shape.

It ships as text with `core.releasing`, the registry's `stored` and `loop_guards`, so it uses nothing beyond boto3 and
the standard library. Each action answers with a `verdict` of its own; where that isn't good, `code` and `reason` say
why. `declared` is what the deployment knows of the loop, `settings` what it may only know once it is deployed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from modelyard.build.registry.stored import newest, read, signed
from modelyard.core.releasing import APPROVED, broken, canonical, unmet
from modelyard.run.retraining.loop_guards import (
    Answer,
    Plain,
    give_lock_back,
    guard,
    parameter,
    put,
    rearm,
    refused,
    run_key,
    version_of,
)

DECLARED: Final = Path(__file__).with_name("loop.json")
_BASELINES: Final = {
    "ModelDataQuality": "data_quality",
    "ModelQuality": "model_quality",
    "Bias": "bias_drift",
    "Explainability": "explanation_drift",
}
_MOST_ALARMS: Final = 10
"""Alarms of a rollback (sagemaker/latest/APIReference/API_AutoRollbackConfig)."""
_LONGEST: Final = 28_800
_QUIET: Final = ("cooling-down", "disarmed", "lock-held")
"""Refusals that come with every burst of events: the bus hears of them, and no mail does."""
_MAIL: Final = 100
"""Characters of a mail's subject that SNS takes."""


def handler(event: Plain, _: object) -> Answer:
    """Do what `action` names."""
    declared = json.loads(DECLARED.read_text("utf-8"))
    return ACTIONS[event["action"]](event, declared, os.environ)


# --- the judgement of a version -------------------------------------------------------------------------------------


def judge(event: Plain, declared: Plain, settings: Mapping[str, str]) -> Answer:
    """Whether the gates' results let the version through: `passed`, `refused`, or `waiting` for some."""
    model, version = declared["model"], version_of(event["package"])
    found = read(boto3.client("s3"), settings["REGISTRY"], f"gates/{model}/{version}.json") or {}
    if found and found.get("package") != event["package"]:
        return refused("gate-failed", f"the results are of {found.get('package')}, not of {event['package']}")
    champion = boto3.client("sagemaker").list_model_packages(
        ModelPackageGroupName=declared["group"], ModelApprovalStatus=APPROVED, MaxResults=1
    )["ModelPackageSummaryList"]
    results = found.get("results", [])
    said = list(unmet(declared["gates"], results, champion=bool(champion)))
    failed = [problem for code, problem in said if code != "gate-missing"]
    if failed:
        return {**refused("gate-failed", "; ".join(failed)), "results": results}
    if said:
        return {"verdict": "waiting", "code": "gate-missing", "reason": "; ".join(problem for _, problem in said)}
    return {"verdict": "passed", "results": results}


def ask(event: Plain, declared: Plain, _: Mapping[str, str]) -> Answer:
    """What the owner is asked by mail."""
    version = version_of(event["package"])
    model, hours = declared["model"], declared["approval_hours"]
    lines = [
        f"{declared['loop']} has trained version {version} of {model}, and its gates hold.",
        f"It was started by {event['input']['trigger']}: {event['input']['why']}",
        "",
        *(_told(result) for result in event["results"]),
        "",
        f"Look:    yard model show {model} {version}",
        f"Approve: yard model approve {model} {version} --reason …",
        f"Reject:  yard model reject {model} {version} --reason …",
        "",
        f"Without a decision within {hours} hours the run ends, and the champion keeps serving.",
    ]
    return {"subject": f"{model} {version} waits for your decision"[:_MAIL], "message": "\n".join(lines)}


def approve(event: Plain, declared: Plain, settings: Mapping[str, str]) -> Answer:
    """Put down a decision in the loop's own name and start the promotion, which judges everything by itself."""
    model, version = declared["model"], version_of(event["package"])
    user = str(boto3.client("sts").get_caller_identity()["UserId"])
    reason = declared["because"] or f"its gates hold; trained because {event['input']['why']}"
    boto3.client("s3").put_object(
        Bucket=settings["REGISTRY"],
        Key=f"decisions/{user}/{model}/{version}.json",
        Body=json.dumps({"decision": "approved", "reason": reason}).encode(),
        ContentType="application/json",
        ChecksumAlgorithm="SHA256",
    )
    machines = boto3.client("stepfunctions")
    name = f"{model}-{version}-{hashlib.sha256(event['execution'].encode()).hexdigest()[:12]}"
    said = {"model": model, "version": version, "approver": user}
    try:
        started = machines.start_execution(stateMachineArn=settings["PROMOTION"], name=name, input=json.dumps(said))[
            "executionArn"
        ]
    except machines.exceptions.ExecutionAlreadyExists:
        started = f"{settings['PROMOTION'].replace(':stateMachine:', ':execution:')}:{name}"
    return {"verdict": "started", "execution": started}


def verify(event: Plain, declared: Plain, settings: Mapping[str, str]) -> Answer:
    """Whether the version has a release record that holds at this moment: signature, status, gates, and bytes."""
    model, version, package = declared["model"], version_of(event["package"]), str(event["package"])
    s3, bucket = boto3.client("s3"), settings["REGISTRY"]
    release = read(s3, bucket, f"releases/{model}/{version}.json")
    if release is None:
        return refused("not-released", f"{model} {version} has no release record")
    if not signed(boto3.client("kms"), release, settings["SIGNING_KEY"]):
        return refused("invalid-signature", "the registry's key didn't sign the release record")
    record = json.loads(release["payload"])
    status = boto3.client("sagemaker").describe_model_package(ModelPackageName=package)["ModelApprovalStatus"]
    served = newest(s3, bucket, record["artifact"])
    digest = record["artifact_digest"] if served == record["artifact_version"] else f"that of version {served}"
    said = list(broken(record, declared["gates"], package=package, status=status, wanted=APPROVED, digest=digest))
    if said:
        return refused(said[0][0], "; ".join(problem for _, problem in said))
    return {"verdict": "released", "approver": record["approver"]}


# --- what serves ----------------------------------------------------------------------------------------------------


def make(event: Plain, declared: Plain, _: Mapping[str, str]) -> Answer:
    """Models and a configuration of the endpoint's shape with the version: beside what serves, which stays.

    `first`: there is no endpoint yet, and nothing is made. A second call finds what the first made.
    """
    sagemaker, version = boto3.client("sagemaker"), version_of(event["package"])
    shape = parameter(declared["shape_parameter"])
    serving = _endpoint(sagemaker, declared["endpoint_name"])
    if shape is None or serving is None:
        return {"verdict": "first", "configuration": "", "configurations": [], "models": []}
    if serving["EndpointStatus"] != "InService":
        state = serving["EndpointStatus"]
        return refused("endpoint-not-in-service", f"{declared['endpoint_name']} is {state}, and isn't updated then")
    tags = [{"Key": key, "Value": value} for key, value in sorted(shape["tags"].items())]
    names: dict[str, str] = {}
    for part, asked in sorted(shape["models"].items()):
        request = json.loads(json.dumps(asked))
        container = request["PrimaryContainer"] if "PrimaryContainer" in request else request["Containers"][0]
        container["ModelPackageName"] = f"{shape['packages']}/{shape.get('versions', {}).get(part, version)}"
        names[part] = _named(shape, version, {"part": part, **request})
        _once(lambda name=names[part], said=request: sagemaker.create_model(ModelName=name, **said, Tags=tags))
    request = json.loads(json.dumps(shape["configuration"]))
    for kind in ("ProductionVariants", "ShadowProductionVariants"):
        for variant in request.get(kind, []):
            variant["ModelName"] = names[variant["ModelName"]]
    configuration = _named(shape, version, request)
    _once(lambda: sagemaker.create_endpoint_config(EndpointConfigName=configuration, **request, Tags=tags))
    deployment = _deployment(shape.get("deployment"), declared)
    return {
        "verdict": "made",
        "configuration": configuration,
        "configurations": [configuration],
        "models": sorted(names.values()),
        "serving": serving["EndpointConfigName"],
        "guarded": "yes" if deployment else "no",
        "deployment": deployment or {},
        "not_retained": [{"VariantPropertyType": each} for each in shape.get("not_retained", [])],
    }


def champion(event: Plain, declared: Plain, _: Mapping[str, str]) -> Answer:
    """The champion's new record as text, and what the champion before the last left."""
    old = parameter(declared["champion_parameter"]) or {}
    made, package = event["made"], str(event["package"])
    record = {
        "format": 1,
        "endpoint": declared["endpoint"],
        "model": declared["model"],
        "version": version_of(package),
        "package": package,
        "configuration": made["configuration"],
        "models": made["models"],
        "previous_version": old.get("version"),
        "previous_configuration": old.get("configuration", ""),
        "previous_models": old.get("models", []),
        "baselines": _baselines(package),
        "run": event["execution"],
        "released_at": datetime.now(UTC).isoformat(),
        "why": event["input"]["why"],
    }
    kept = {made["configuration"], record["previous_configuration"], *made["models"], *record["previous_models"], ""}
    left = [old.get("previous_configuration", "")]
    return {
        "record": canonical(record),
        "previous": str(old["version"]) if old else "",
        "configurations": [name for name in left if name not in kept],
        "models": [name for name in old.get("previous_models", []) if name not in kept],
    }


def _once(create: Callable[[], Any]) -> None:
    """What has a name made of its content is there once; a second request for it changes nothing."""
    try:
        create()
    except ClientError as error:
        if "already existing" not in str(error):
            raise


def _named(shape: Plain, version: int, content: object) -> str:
    return f"{shape['prefix']}-v{version}-{hashlib.sha256(canonical(content).encode()).hexdigest()[:10]}"


def _deployment(asked: Plain | None, declared: Plain) -> Answer | None:
    """The rollout of the shape with what the loop adds: longer or shorter baking, and further alarms."""
    if not asked:
        return None
    found: Answer = json.loads(json.dumps(asked))
    more = declared["canary"]
    if more.get("bake_minutes"):
        seconds = more["bake_minutes"] * 60
        for policy, place in (
            (found.get("BlueGreenUpdatePolicy"), "TrafficRoutingConfiguration"),
            (found.get("RollingUpdatePolicy"), ""),
        ):
            if policy is not None:
                moved = policy[place] if place else policy
                longer = max(0, seconds - moved["WaitIntervalInSeconds"])
                moved["WaitIntervalInSeconds"] = seconds
                most = policy.get("MaximumExecutionTimeoutInSeconds", _LONGEST)
                policy["MaximumExecutionTimeoutInSeconds"] = min(_LONGEST, most + 25 * longer)
    alarms = found.setdefault("AutoRollbackConfiguration", {}).setdefault("Alarms", [])
    known = {alarm["AlarmName"] for alarm in alarms}
    alarms += [{"AlarmName": name} for name in more.get("alarms", []) if name not in known]
    if len(alarms) > _MOST_ALARMS:
        raise ValueError(f"a rollback has at most {_MOST_ALARMS} alarms, and these are {len(alarms)}")
    return found


def _baselines(package: str) -> dict[str, str]:
    """Where the version's baselines for drift lie, by monitor, as far as it brought them."""
    said = boto3.client("sagemaker").describe_model_package(ModelPackageName=package).get("DriftCheckBaselines") or {}
    found: dict[str, str] = {}
    for kind, monitor in _BASELINES.items():
        for document in ("Constraints", "PostTrainingConstraints", "Statistics"):
            if uri := (said.get(kind) or {}).get(document, {}).get("S3Uri"):
                found.setdefault(monitor, uri)
    return found


def _endpoint(sagemaker: Any, name: str) -> Answer | None:
    try:
        return sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        if "Could not find" in str(error):
            return None
        raise


# --- the end --------------------------------------------------------------------------------------------------------


def end(event: Plain, declared: Plain, settings: Mapping[str, str]) -> Answer:
    """Give the lock back, put down how the run ended, and say it for the bus and the mail."""
    s3, bucket, now = boto3.client("s3"), settings["BUCKET"], datetime.now(UTC)
    outcome, code, reason = str(event["outcome"]), str(event["code"]), str(event["reason"])[:4_000]
    began = event.get("began")
    if began:
        key = run_key(event, declared, datetime.fromisoformat(str(began)))
        run = {**(read(s3, bucket, key) or {}), "ended": now.isoformat(), "outcome": outcome, "code": code}
        run |= {"reason": reason, "package": str(event.get("package", "")), "gates": event.get("results", [])}
        put(s3, bucket, key, run)
    give_lock_back(s3, event, declared, bucket)
    serves = parameter(declared["champion_parameter"])
    version = str(version_of(event["package"])) if event.get("package") else ""
    detail = {
        "version": 1,
        "team": declared["team"],
        "at": now.isoformat(),
        "loop": declared["loop"],
        "endpoint": declared["endpoint"],
        "model": declared["group"],
        "run": event["execution"],
        "trigger": event["input"]["trigger"],
        "by": event["input"]["by"],
        "why": event["input"]["why"][:4_000],
        "outcome": outcome,
        "code": code,
        "reason": reason,
        **({"model_version": version} if version else {}),
        **({"champion_version": str(serves["version"])} if serves else {}),
    }
    return {"event": detail, **_moved(detail, serves, declared), **_mail(detail, declared)}


def _moved(told: Plain, serves: Plain | None, declared: Plain) -> Answer:
    """What the bus hears of the endpoint, where a version came to it or was taken back."""
    outcome = "completed" if told["outcome"] == "released" else told["code"]
    if outcome not in ("completed", "rolled-back"):
        return {"promotion": "none"}
    before = (serves or {}).get("previous_version" if outcome == "completed" else "version")
    moved = {
        **{key: told[key] for key in ("version", "team", "at", "model", "model_version", "reason")},
        "target": declared["endpoint_name"],
        "outcome": outcome,
        **({"previous_version": str(before)} if before else {}),
    }
    return {"promotion": "told", "moved": moved}


def _mail(told: Plain, declared: Plain) -> dict[str, str]:
    said = {
        "released": f"version {told.get('model_version')} serves",
        "recorded": f"version {told.get('model_version')} is released, and there is no endpoint yet",
        "refused": f"was refused: {told['code']}",
        "failed": f"has failed: {told['code']}",
    }[told["outcome"]]
    subject = f"{declared['loop']}: {said}"
    serves = f"version {told['champion_version']}" if "champion_version" in told else "none"
    how = [
        f"The champion of {told['endpoint']}: {serves}.",
        *(["yard up makes the endpoint with it."] if told["outcome"] == "recorded" else []),
        f"Run: {told['run']}",
    ]
    started = f"Started by {told['trigger']} ({told['by']}): {told['why']}"
    message = "\n".join([f"{subject}. {told['reason']}", "", started, *how])
    return {"mail": "no" if told["code"] in _QUIET else "yes", "subject": subject[:_MAIL], "message": message}


def _told(result: Plain) -> str:
    beside = f" (the champion: {result['champion']})" if result.get("champion") is not None else ""
    return f"  {result['gate']}: {result['metric']} is {result['value']}{beside}"


ACTIONS: Final[Mapping[str, Callable[[Plain, Plain, Mapping[str, str]], Answer]]] = {
    "approve": approve,
    "ask": ask,
    "champion": champion,
    "end": end,
    "guard": guard,
    "judge": judge,
    "make": make,
    "rearm": rearm,
    "verify": verify,
}
