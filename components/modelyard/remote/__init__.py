"""Components for programs in other languages: a component package of Pulumi's, and its schema."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent
"""Where `PulumiPlugin.yaml` lies: what a program names as the package's source."""
