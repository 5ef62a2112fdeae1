"""CloudTrail: selectors replace one another, a name is taken once, and a trail goes by its ARN too, with its tags."""

from __future__ import annotations

from typing import Any

from moto.cloudtrail.exceptions import TrailNotFoundException
from moto.cloudtrail.models import CloudTrailBackend, Trail
from moto.core.exceptions import JsonRESTError

_create_trail = CloudTrailBackend.create_trail
_description = Trail.description


def create_trail(self: Any, name: str, *arguments: Any, **others: Any) -> Any:
    """CreateTrail: a name is taken once in a region."""
    if name in self.trails:
        raise JsonRESTError(
            "TrailAlreadyExistsException", f"Trail {name} already exists for customer: {self.account_id}"
        )
    return _create_trail(self, name, *arguments, **others)


def delete_trail(self: Any, name: str) -> None:
    """DeleteTrail, by name or ARN, with the trail's tags."""
    try:
        trail = self.get_trail(name)
    except TrailNotFoundException:
        raise TrailNotFoundException(account_id=self.account_id, name=name) from None
    self.tagging_service.delete_all_tags_for_resource(trail.arn)
    del self.trails[trail.trail_name]


def put_event_selectors(self: Any, event_selectors: Any, advanced_event_selectors: Any) -> None:
    """PutEventSelectors: basic and advanced selectors replace one another."""
    self.event_selectors = event_selectors or []
    self.advanced_event_selectors = advanced_event_selectors or []


def put_insight_selectors(self: Any, insight_selectors: Any) -> None:
    """PutInsightSelectors: the new ones are all there are."""
    self.insight_selectors = insight_selectors or []


def description(self: Any, include_region: bool = False) -> dict[str, Any]:
    """A trail as it is answered: with its home region, and whether it selects."""
    return _description(self, include_region) | {
        "HomeRegion": self.region_name,
        "HasCustomEventSelectors": bool(self.event_selectors or self.advanced_event_selectors),
        "HasInsightSelectors": bool(self.insight_selectors),
    }


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    for function in (create_trail, delete_trail):
        setattr(CloudTrailBackend, function.__name__, function)
    for function in (description, put_event_selectors, put_insight_selectors):
        setattr(Trail, function.__name__, function)
