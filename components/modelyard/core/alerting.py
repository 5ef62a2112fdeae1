"""Alerts of Prometheus in a team's namespace, and whom they reach.

Sources: prometheus-operator.dev/docs/api-reference/api (PrometheusRule, AlertmanagerConfig; an AlertmanagerConfig takes
alerts alone that carry its own namespace as the label `namespace`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from modelyard.core.kubernetes import custom

if TYPE_CHECKING:
    import pulumi

    from modelyard.core.component import Component

RULES: Final = "monitoring.coreos.com/v1"
ROUTES: Final = "monitoring.coreos.com/v1alpha1"
OWNER_LABEL: Final = "owner"


def tell(
    component: Component,
    rules: Sequence[Mapping[str, Any]],
    *,
    about: Mapping[str, str],
    owner: str,
    namespace: str,
    after: Sequence[pulumi.Resource] = (),
) -> None:
    """Alerts about one thing, which go to its owner by mail; Alertmanager's own file has the mail server.

    `rules` as the API writes them; each gets the labels of `carried`. `about`: the label that tells the thing from the
    namespace's others.
    """
    custom(
        component,
        "alerts",
        api_version=RULES,
        kind="PrometheusRule",
        name=component.physical("kubernetes", "alerts"),
        namespace=namespace,
        spec={"groups": [{"name": "/".join((namespace, *about.values())), "interval": "1m", "rules": list(rules)}]},
        after=after,
    )
    known = {**about, OWNER_LABEL: owner}
    custom(
        component,
        "receivers",
        api_version=ROUTES,
        kind="AlertmanagerConfig",
        name=component.physical("kubernetes", "owner"),
        namespace=namespace,
        spec={
            "route": {
                "receiver": OWNER_LABEL,
                "groupBy": ["alertname", *about],
                "groupWait": "30s",
                "groupInterval": "5m",
                "repeatInterval": "12h",
                "matchers": [{"name": name, "value": value, "matchType": "="} for name, value in known.items()],
            },
            "receivers": [{"name": OWNER_LABEL, "emailConfigs": [{"to": owner, "sendResolved": True}]}],
        },
        after=after,
    )


def carried(component: Component, *, about: Mapping[str, str], owner: str, namespace: str) -> dict[str, str]:
    """The labels of every alert about one thing: by these it is routed."""
    context = component.context
    return {
        "team": context.owner,
        "environment": context.environment,
        "namespace": namespace,
        **about,
        OWNER_LABEL: owner,
    }
