"""What a plugin's launcher tells the daemon of the engine run that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Greeting:
    """`plugin`: its name. `environment`: those variables of the run that say where AWS and clusters are.

    `engine`: the address at which the engine takes messages for the user; empty: nobody hears. `folder`: the project's,
    which relative paths of the provider's configuration begin at.
    """

    plugin: str = "aws"
    environment: Mapping[str, str] = field(default_factory=dict)
    engine: str = ""
    folder: str = "."
