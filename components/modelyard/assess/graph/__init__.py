"""The graph of a stack, from three sources: recorded without a cloud, read from a preview, read from a state."""

from modelyard.assess.graph.compare import Difference, agree, differences
from modelyard.assess.graph.model import Graph, Node
from modelyard.assess.graph.readers import from_preview, from_state
from modelyard.assess.graph.recorder import record
from modelyard.assess.graph.synthetic import Place
from modelyard.assess.graph.values import UNKNOWN, Secret, reveal, undecided

__all__ = [
    "UNKNOWN",
    "Difference",
    "Graph",
    "Node",
    "Place",
    "Secret",
    "agree",
    "differences",
    "from_preview",
    "from_state",
    "record",
    "reveal",
    "undecided",
]
