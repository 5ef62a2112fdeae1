"""Rules on models that serve, on endpoints, and on their configurations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelyard.assess.policy.examples import Of, Part, part
from modelyard.assess.policy.rule import Domain, Rule, Severity, Undecided, Violation
from modelyard.assess.policy.sagemaker import (
    CONFIGURATIONS,
    ENDPOINTS,
    MODELS,
    asked,
    asynchronous,
    configuration_of,
    endpoints,
    machines,
    says,
    told,
)
from modelyard.assess.policy.scaling import fewest, moves, targets_of
from modelyard.assess.policy.subject import Stack, Subject
from modelyard.assess.policy.types import (
    BUCKET,
    BUCKET_ENCRYPTION,
    BUCKET_LIFECYCLE,
    ENDPOINT,
    ENDPOINT_CONFIGURATION,
    MODEL,
    SCALING_POLICY,
    SCALING_TARGET,
)
from modelyard.core.instances import InstanceCatalogue

_STEPWISE: Final = ("CANARY", "LINEAR")


def _isolated(model: Subject) -> Iterator[Violation]:
    path = "enableNetworkIsolation"
    if told(model, path) is not True:
        yield Violation("lets its containers call whom they like", asked(model, path))


def _two_at_least(configuration: Subject) -> Iterator[Violation]:
    if not configuration.around.production or asynchronous(configuration):
        return
    for variant in machines(configuration):
        least = fewest(configuration, variant)
        if least < 2:
            name = told(configuration, f"{variant}.variantName", "a variant")
            yield Violation(f"lets {name} come down to {least} of its instances", asked(configuration, variant))


def _disks_under_a_key(configuration: Subject) -> Iterator[Violation]:
    """A key is refused by SageMaker where a type has disks of its own, which its hardware encrypts."""
    types = [told(configuration, f"{variant}.instanceType", "") for variant in machines(configuration)]
    if types and not any(map(_has_own_disks, types)) and not says(configuration, "kmsKeyArn"):
        yield Violation("leaves disks of instances without a key of its own", asked(configuration, "kmsKeyArn"))


def _has_own_disks(instance_type: str) -> bool:
    known = InstanceCatalogue.shipped().get(instance_type.removeprefix("ml."))
    return known is not None and known.local_nvme_gb > 0


def _captured(configuration: Subject) -> Iterator[Violation]:
    if not machines(configuration) or asynchronous(configuration):
        return
    captures = told(configuration, "dataCaptureConfig.enableCapture") is True
    if not captures or told(configuration, "dataCaptureConfig.initialSamplingPercentage", 0) == 0:
        path = asked(configuration, "dataCaptureConfig")
        yield Violation("keeps nothing of what is asked and answered", path)


def _kept_safely(configuration: Subject) -> Iterator[Violation]:
    path = "dataCaptureConfig.destinationS3Uri"
    if told(configuration, "dataCaptureConfig.enableCapture") is not True:
        return
    bucket, prefix = _destination(configuration, path)
    path = asked(configuration, path)
    if bucket is None:
        raise Undecided(f"the bucket of {path}, which another stack has,")
    if not says(configuration, "dataCaptureConfig.kmsKeyId") and not any(
        each.get("rules[0].applyServerSideEncryptionByDefault.sseAlgorithm") in ("aws:kms", "aws:kms:dsse")
        for each in bucket.parts(BUCKET_ENCRYPTION, "bucket")
    ):
        yield Violation("keeps calls without a key of its own", path)
    if not any(_expires(each, prefix) for each in bucket.parts(BUCKET_LIFECYCLE, "bucket")):
        yield Violation("keeps calls for ever: no lifecycle lets them go", path)


def _destination(configuration: Subject, path: str) -> tuple[Subject | None, str | None]:
    """The bucket that calls are kept in, and below what; None for what isn't known."""
    stack, prefix, called = configuration.stack, None, ""
    try:
        called, _, prefix = str(told(configuration, path, "")).removeprefix("s3://").partition("/")
    except Undecided:
        if not configuration.node.property_dependencies:
            raise
    if called in (known := stack.once(_buckets)):
        return known[called], prefix
    by_urn = stack.graph.by_urn
    top = asked(configuration, path).split(".")[0]
    pointed = configuration.node.property_dependencies
    for urn in pointed.get(top, pointed.get("desiredState", ())):
        if urn in by_urn and by_urn[urn].type == BUCKET:
            return Subject(stack, by_urn[urn]), prefix
    return None, prefix


def _buckets(stack: Stack) -> Mapping[str, Subject]:
    found: dict[str, Subject] = {}
    for bucket in stack.subjects(BUCKET):
        for value in (bucket.node.outputs.get("bucket"), bucket.node.outputs.get("id")):
            if isinstance(value, str):
                found[value] = bucket
    return found


def _expires(lifecycle: Subject, prefix: str | None) -> bool:
    """Whether a rule lets objects below `prefix` go; where that isn't known, whether one lets any."""
    for index in range(len(lifecycle.get("rules", []))):
        rule = f"rules[{index}]"
        below = lifecycle.get(f"{rule}.filter.prefix", "") or lifecycle.get(f"{rule}.prefix", "")
        meant = prefix is None or prefix.startswith(below)
        days = lifecycle.get(f"{rule}.expiration.days", 0) or lifecycle.get(f"{rule}.expiration.date", "")
        if lifecycle.get(f"{rule}.status") == "Enabled" and meant and days:
            return True
    return False


def _step_by_step(subject: Subject) -> Iterator[Violation]:
    for endpoint in endpoints(subject):
        configuration = configuration_of(endpoint)
        if configuration is not None and not _named_models(configuration):
            continue
        policy = "deploymentConfig.blueGreenUpdatePolicy.trafficRoutingConfiguration.type"
        if told(endpoint, policy) not in _STEPWISE and not says(endpoint, "deploymentConfig.rollingUpdatePolicy"):
            yield Violation("gives a new model all calls at once", asked(endpoint, "deploymentConfig"))
        if not says(endpoint, "deploymentConfig.autoRollbackConfiguration.alarms"):
            problem = "keeps a new model that fails: no alarm brings the old one back"
            yield Violation(problem, asked(endpoint, "deploymentConfig.autoRollbackConfiguration"))


def _named_models(configuration: Subject) -> bool:
    """Whether instances of it stand behind a model; components of an endpoint are updated by themselves."""
    return any(says(configuration, f"{variant}.modelName") for variant in machines(configuration))


def _follows_load(subject: Subject) -> Iterator[Violation]:
    for endpoint in endpoints(subject):
        configuration = configuration_of(endpoint)
        if configuration is None:
            raise Undecided(asked(endpoint, "endpointConfigName"))
        for variant in machines(configuration):
            name = told(configuration, f"{variant}.variantName", "")
            if told(configuration, f"{variant}.managedInstanceScaling.status") == "ENABLED":
                continue
            targets = targets_of(endpoint, name)
            if not targets:
                yield Violation(f"has as many instances of {name or 'its variant'} at night as at noon")
            elif not any(map(moves, targets)):
                yield Violation(f"has bounds for {name or 'its variant'}, and nothing that moves it within them")


def _configured(**more: Any) -> Part:
    return part(ENDPOINT_CONFIGURATION, "configuration", name="score-1", **more)


def _variant(count: int = 2) -> list[dict[str, Any]]:
    return [{"variantName": "main", "modelName": "m", "instanceType": "ml.m5.large", "initialInstanceCount": count}]


def _capture(**changes: Any) -> dict[str, Any]:
    return {
        "enableCapture": True,
        "initialSamplingPercentage": 20,
        "destinationS3Uri": "s3://calls-id/score",
        **changes,
    }


def _endpoint(**more: Any) -> Part:
    return part(ENDPOINT, "endpoint", name="score", endpointConfigName=Of("configuration", "name"), **more)


_KEY: Final = "arn:aws:kms:eu-west-1:111122223333:key/a"
_PLAIN: Final = _configured(productionVariants=_variant())
_CALLS: Final = part(BUCKET, "calls")
_KEEPS: Final = _configured(productionVariants=_variant(), dataCaptureConfig=_capture(kmsKeyId=_KEY))
_GOES: Final = part(
    BUCKET_LIFECYCLE,
    "cycle",
    bucket=Of("calls"),
    rules=[{"id": "old", "status": "Enabled", "expiration": {"days": 90}}],
)
_GUARDED: Final = {
    "autoRollbackConfiguration": {"alarms": [{"alarmName": "errors"}]},
    "blueGreenUpdatePolicy": {"trafficRoutingConfiguration": {"type": "CANARY", "waitIntervalInSeconds": 600}},
}
_SCALED: Final = "endpoint/score/variant/main"
_DIMENSION: Final = "sagemaker:variant:DesiredInstanceCount"


def _scaling(kind: str, name: str, **more: Any) -> Part:
    return part(kind, name, resourceId=_SCALED, scalableDimension=_DIMENSION, serviceNamespace="sagemaker", **more)


RULES: Final = (
    Rule(
        "model-network-isolation",
        Severity.MEDIUM,
        Domain.SERVING,
        "Containers of models call nobody",
        "A model is code of others'. One that may call out may tell what it is asked.",
        "Enable network isolation; SageMaker brings the weights to the container by itself.",
        MODELS,
        _isolated,
        bad=(part(MODEL, executionRoleArn="arn"),),
        good=(part(MODEL, executionRoleArn="arn", enableNetworkIsolation=True),),
        maps=("FSBP SageMaker.5",),
    ),
    Rule(
        "prod-min-2-instances",
        Severity.MEDIUM,
        Domain.SERVING,
        "Endpoints of production have two instances at least",
        "Two stand in two zones; one is gone when its zone or its machine is. "
        "Serverless endpoints have none to count, and calls of asynchronous ones wait.",
        "Start with two instances, and let scaling keep two at least.",
        CONFIGURATIONS,
        _two_at_least,
        bad=(_configured(productionVariants=_variant(1)),),
        good=(_PLAIN,),
        maps=("FSBP SageMaker.4",),
    ),
    Rule(
        "endpoint-kms",
        Severity.HIGH,
        Domain.SERVING,
        "Disks of endpoints are encrypted under a key",
        "Weights and what containers write lie on them. Types with disks of their own are left out: "
        "their hardware encrypts those, and SageMaker takes no key.",
        "Name a key in the endpoint's configuration.",
        CONFIGURATIONS,
        _disks_under_a_key,
        bad=(_PLAIN,),
        good=(_configured(productionVariants=_variant(), kmsKeyArn=_KEY),),
        maps=("CKV_AWS_98",),
    ),
    Rule(
        "data-capture-on",
        Severity.HIGH,
        Domain.SERVING,
        "Endpoints keep a part of their calls",
        "Without them nobody can say afterwards what a model was asked and answered, and no monitor has anything to "
        "look at. SageMaker keeps no calls of serverless and asynchronous endpoints.",
        "Enable data capture, of a few percent where calls are many.",
        CONFIGURATIONS,
        _captured,
        bad=(_PLAIN,),
        good=(_configured(productionVariants=_variant(), dataCaptureConfig=_capture()),),
        maps=("AIA 12", "RMF MEASURE"),
    ),
    Rule(
        "capture-bucket-encrypted-and-expiring",
        Severity.HIGH,
        Domain.SERVING,
        "Captured calls are encrypted, and go in time",
        "Calls hold what people were judged by. It may be kept for a purpose and a time, not for ever.",
        "Name a key for what is captured, and let the bucket's lifecycle expire it.",
        CONFIGURATIONS,
        _kept_safely,
        bad=(_CALLS, _configured(productionVariants=_variant(), dataCaptureConfig=_capture())),
        good=(_CALLS, _GOES, _KEEPS),
    ),
    Rule(
        "canary-with-rollback-alarm",
        Severity.MEDIUM,
        Domain.SERVING,
        "New models get their calls by and by, and alarms bring the old one back",
        "What tests didn't find, the first calls do: better a tenth of them than all. "
        "Serverless endpoints can't, and components of an endpoint are updated by themselves.",
        "Roll out by a canary, linearly or in batches, and name an alarm that rolls back.",
        ENDPOINTS,
        _step_by_step,
        bad=(_PLAIN, _endpoint()),
        good=(_PLAIN, _endpoint(deploymentConfig=_GUARDED)),
        maps=("NIST CM-3",),
    ),
    Rule(
        "endpoint-autoscaling",
        Severity.MEDIUM,
        Domain.SERVING,
        "Endpoints follow their load",
        "A fixed number of instances is too few at the worst moment, and paid for at all others.",
        "Add a scaling target and a policy for each variant, or let SageMaker manage the instances.",
        ENDPOINTS,
        _follows_load,
        bad=(_PLAIN, _endpoint()),
        good=(
            _PLAIN,
            _endpoint(),
            _scaling(SCALING_TARGET, "bounds", minCapacity=2, maxCapacity=4),
            _scaling(SCALING_POLICY, "follows", policyType="TargetTrackingScaling"),
        ),
    ),
)
