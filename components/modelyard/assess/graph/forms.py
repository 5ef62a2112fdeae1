"""The forms of computed outputs: what is special about each resource type, one entry each.

In a form, `{name}` is the given or automatic name, `{hex8}` (6, 12, 17, 32), `{id17}`, `{id20}` and `{uuid}` are digits
drawn from the URN, `{account}`, `{region}`, `{partition}` and `{suffix}` the place, and any other word is an input or
another entry of the form. Formats are those of the service authorization reference (ARNs) and of each API's responses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from modelyard.assess.graph.forms_foundation import FOUNDATION_FORMS
from modelyard.assess.graph.forms_services import SERVICE_FORMS

FORMS: Final[Mapping[str, Mapping[str, Any]]] = {**FOUNDATION_FORMS, **SERVICE_FORMS}
