"""Who can do what to what: identities, their policies and fences, and the policies of things, out of graphs."""

from modelyard.assess.access.collect import collect
from modelyard.assess.access.decide import Decision, decide, example, tests
from modelyard.assess.access.model import Access, Identity, Policy, words
from modelyard.assess.access.uses import Used, User, declared_endpoints, uses

__all__ = [
    "Access",
    "Decision",
    "Identity",
    "Policy",
    "Used",
    "User",
    "collect",
    "decide",
    "declared_endpoints",
    "example",
    "tests",
    "uses",
    "words",
]
