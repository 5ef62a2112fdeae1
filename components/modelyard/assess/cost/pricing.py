"""What a stack costs in a month, by all that is known of its resources."""

from __future__ import annotations

from modelyard.assess.cost.bill import Bill, priced
from modelyard.assess.cost.estimates import ESTIMATES
from modelyard.assess.cost.free import FREE
from modelyard.assess.policy.subject import Stack


def bill_of(stack: Stack) -> Bill:
    """The bill of a stack, by the usage and the prices of its surroundings."""
    return priced(stack, ESTIMATES, FREE)
