"""What WAF looks at before the door: AWS's rules, one address at a time, and no body that it can't read."""

from __future__ import annotations

from typing import Any, Final

from modelyard.run.serving.door_spec import MOST_INSPECTED_KIB, WINDOW_SECONDS, DoorSpec

_UNCHARGED_KIB: Final = 16
_STEPS_KIB: Final = (16, 32, 48, MOST_INSPECTED_KIB)
"""What WAF reads of a body; more than the first costs.

Source: waf/latest/developerguide/web-acl-setting-body-inspection-limit."""
COMMON: Final = "AWSManagedRulesCommonRuleSet"
BAD_INPUTS: Final = "AWSManagedRulesKnownBadInputsRuleSet"
_SIZE_OF_THEIRS: Final = "SizeRestrictions_BODY"
"""Their rule refuses bodies above 8 KB; the door has one of its own (aws-managed-rule-groups-baseline)."""


def inspected(spec: DoorSpec) -> dict[str, Any] | None:
    """The association's settings; absent where what is read without a surcharge is enough."""
    if spec.max_request_kib <= _UNCHARGED_KIB:
        return None
    step = next(kib for kib in _STEPS_KIB if spec.max_request_kib <= kib)
    return {"request_bodies": [{"api_gateway": {"default_size_inspection_limit": f"KB_{step}"}}]}


def seen(metric: str) -> dict[str, Any]:
    """Metrics, and no samples: those would show callers' tokens to whoever looks at the firewall."""
    return {"metric_name": metric, "cloudwatch_metrics_enabled": True, "sampled_requests_enabled": False}


def rules(spec: DoorSpec, metric: str) -> list[dict[str, Any]]:
    """The rules in their order; what is cheap to know comes first."""
    size = {
        "comparison_operator": "GT",
        "size": spec.max_request_kib * 1024,
        "field_to_match": {"body": {"oversize_handling": "MATCH"}},
        "text_transformations": [{"priority": 0, "type": "NONE"}],
    }
    rate = {
        "limit": spec.firewall.per_address,
        "aggregate_key_type": "IP",
        "evaluation_window_sec": WINDOW_SECONDS,
    }
    block: dict[str, Any] = {"action": {"block": {}}}
    counted = (_SIZE_OF_THEIRS, *(name for name in spec.firewall.counted_rules if name != _SIZE_OF_THEIRS))
    listed: list[tuple[str, dict[str, Any]]] = [
        ("address", {**block, "statement": {"rate_based_statement": rate}}),
        ("size", {**block, "statement": {"size_constraint_statement": size}}),
        ("common", _managed(COMMON, counted)),
        ("bad-inputs", _managed(BAD_INPUTS)),
    ]
    return [
        {"name": name, "priority": place, **rule, "visibility_config": seen(f"{metric}-{name}")}
        for place, (name, rule) in enumerate(listed)
    ]


def _managed(name: str, counted: tuple[str, ...] = ()) -> dict[str, Any]:
    overrides = [{"name": rule, "action_to_use": {"count": {}}} for rule in counted]
    group = {"vendor_name": "AWS", "name": name, **({"rule_action_overrides": overrides} if overrides else {})}
    return {"override_action": {"none": {}}, "statement": {"managed_rule_group_statement": group}}
