"""The function that keeps incidents: an alarm opens one, and the same alarm's being OK again is noted in it.

It ships as text with `core.incidents`, so it uses nothing beyond boto3 and the standard library. Whichever way events
come, twice or out of order, the objects are the same: their names come from the alarm and the time of its state, and
each is written once. The owner is told before the record is written, so that a failure in between tells twice and
never not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from modelyard.core.evidence import BUNDLES, index_key
from modelyard.core.incidents import KIND, OPENED, RECOVERED, number, of_alarm, place

FACTS: Final = Path(__file__).with_name("facts.json")
_THERE: Final = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")
_SUBJECT: Final = 100
"""Characters of a message's subject (sns/latest/api/API_Publish)."""
ALARM, OK = "ALARM", "OK"


def handler(event: Mapping[str, Any], _: object) -> dict[str, Any]:
    """Take in one change of an alarm's state; an alarm of no endpoint is passed over."""
    return heard(event, json.loads(FACTS.read_text("utf-8")), os.environ)


def heard(event: Mapping[str, Any], facts: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """What was done with the event: `opened`, `recovered`, `noted`, or nothing."""
    detail = event["detail"]
    name, state, before = detail["alarmName"], detail["state"], detail.get("previousState") or {}
    endpoint = of_alarm(name, facts["endpoints"])
    if endpoint is None:
        return {"passed": name}
    s3, bucket = boto3.client("s3"), settings["BUCKET"]
    if state["value"] == ALARM:
        where = place(endpoint, number(name, state["timestamp"]))
        return _opens(s3, bucket, where, event, facts, endpoint, settings)
    if before.get("value") != ALARM:
        return {"passed": name}
    where = place(endpoint, number(name, before["timestamp"]))
    said = {"kind": KIND, "alarm": name, "at": state["timestamp"], "state": state["value"], "by": "the alarm itself"}
    if state["value"] != OK:
        key = f"{where}events/{event['id']}.json"
        return {"noted": _written(s3, bucket, key, {**said, "what": "the alarm lacks data"}), "incident": where}
    recovered = {**said, "what": "the alarm is OK again", "reason": state.get("reason", "")}
    return {"recovered": _written(s3, bucket, where + RECOVERED, recovered), "incident": where}


def _opens(
    s3: Any,
    bucket: str,
    where: str,
    event: Mapping[str, Any],
    facts: Mapping[str, Any],
    endpoint: str,
    settings: Mapping[str, str],
) -> dict[str, Any]:
    if _there(s3, bucket, where + OPENED):
        return {"opened": False, "incident": where}
    record = opened(event, facts, endpoint, where, settings)
    subject = f"Incident: {endpoint} of {facts['team']} in {facts['environment']}"
    boto3.client("sns").publish(
        TopicArn=facts["endpoints"][endpoint]["topic"], Subject=subject[:_SUBJECT], Message=message(record)
    )
    return {"opened": _written(s3, bucket, where + OPENED, record), "incident": where}


def opened(
    event: Mapping[str, Any], facts: Mapping[str, Any], endpoint: str, where: str, settings: Mapping[str, str]
) -> dict[str, Any]:
    """The record of an incident: what went off, who serves, what stands behind it, how to go back, and whom to ask."""
    detail, said = event["detail"], facts["endpoints"][endpoint]
    name, region = detail["alarmName"], facts["region"]
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
    champion = _champion(said)
    return {
        "kind": KIND,
        "incident": f"{endpoint}/{where.rstrip('/').rpartition('/')[2]}",
        "team": facts["team"],
        "environment": facts["environment"],
        "endpoint": {"name": endpoint, "physical": said["endpoint"]},
        "alarm": {
            "name": name,
            "arn": (event.get("resources") or [""])[0],
            "says": detail.get("configuration", {}).get("description", ""),
            "reason": detail["state"].get("reason", ""),
            "page": f"{console}#alarmsV2:alarm/{name}",
        },
        "opened_at": detail["state"]["timestamp"],
        "owner": said["owner"],
        "runbook": said["runbook"],
        "dashboard": f"{console}#dashboards/dashboard/{said['dashboard']}" if said["dashboard"] else "",
        "champion": champion,
        "challenger": _challenger(said),
        "evidence": _evidence(said["model"], champion, settings),
        "rollback": _rollback(facts, endpoint, champion),
        "close": f"yard incident close {endpoint}/{where.rstrip('/').rpartition('/')[2]} --done '…'",
        "event": event.get("id", ""),
    }


def message(record: Mapping[str, Any]) -> str:
    """What the owner reads in the mail."""
    champion, evidence = record["champion"], record["evidence"]
    lines = [
        f"{record['alarm']['says'] or record['alarm']['name']}",
        "",
        f"why        {record['alarm']['reason']}",
        f"alarm      {record['alarm']['page']}",
        f"dashboard  {record['dashboard'] or 'none'}",
        f"champion   {champion.get('model')} {champion.get('version') or champion.get('absent')}",
        f"evidence   {evidence.get('command') or evidence.get('absent')}",
        f"go back    {record['rollback']}",
        f"runbook    {record['runbook']}",
        f"incident   yard incident show {record['incident']}",
        f"then       {record['close']}",
    ]
    return "\n".join(lines)


def _champion(said: Mapping[str, Any]) -> dict[str, Any]:
    """Who serves: what the file declares, or what the loop's record says now."""
    if not said["champion"]:
        return {"model": said["model"], "version": said["version"], "says": "the team's file"}
    try:
        found = boto3.client("ssm").get_parameter(Name=said["champion"])["Parameter"]["Value"]
    except ClientError as error:
        if _code(error) != "ParameterNotFound":
            raise
        return {"model": said["model"], "absent": "the loop has released none yet"}
    record = json.loads(found)
    kept = ("version", "package", "configuration", "previous_version", "previous_configuration", "released_at", "why")
    return {"model": record["model"], **{name: record.get(name) for name in kept}, "says": said["champion"]}


def _challenger(said: Mapping[str, Any]) -> dict[str, Any]:
    if said["shadow"] is None:
        return {"absent": "no version is tried beside the champion"}
    return {"model": said["model"], "version": said["shadow"], "says": "the endpoint's shadow"}


def _evidence(model: str, champion: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """The bundle of the champion's release, with the hash of its manifest as the index has it."""
    version, store = champion.get("version"), settings.get("EVIDENCE", "")
    if not store or version is None:
        return {"absent": "the team keeps no evidence" if not store else "nothing was released"}
    s3, key = boto3.client("s3"), index_key(model, version)
    if not _there(s3, store, key):
        return {"absent": f"{model} {version} has no bundle: yard evidence list {model}"}
    return {
        "bundle": f"s3://{store}/{BUNDLES}/{model}/{version}/",
        "manifest_sha256": json.loads(s3.get_object(Bucket=store, Key=key)["Body"].read())["manifest_sha256"],
        "command": f"yard evidence show {model} {version}",
    }


def _rollback(facts: Mapping[str, Any], endpoint: str, champion: Mapping[str, Any]) -> str:
    """How the version before comes back; one that nobody kept has to be found first."""
    said = facts["endpoints"][endpoint]
    before = champion.get("previous_configuration")
    if before:
        update = f"aws sagemaker update-endpoint --endpoint-name {said['endpoint']} --endpoint-config-name {before}"
        return f"{update} (signed in as the team's deployment role: no person may)"
    up = f"yard up {facts['team']} --env {facts['environment']}"
    if said["champion"]:
        return f"the loop kept no configuration before this one; see {said['champion']}, then: {up}"
    return f"yard model list {said['model']}; put an earlier version into serving.{endpoint}.release.version; {up}"


def _there(s3: Any, bucket: str, key: str) -> bool:
    """Asked by a list: S3 tells who may list below a prefix alone that an object isn't there only so."""
    found = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", ())
    return [one["Key"] for one in found] == [key]


def _written(s3: Any, bucket: str, key: str, content: Mapping[str, Any]) -> bool:
    """Whether this call wrote it: what is there stays."""
    body = json.dumps(content, sort_keys=True, indent=1).encode()
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*")
    except ClientError as error:
        if _code(error) in _THERE:
            return False
        raise
    return True


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
