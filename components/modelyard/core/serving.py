"""Names of what servers of models measure, shared by our container and by what watches it on Kubernetes."""

from __future__ import annotations

from typing import Final

REQUESTS: Final = "modelyard_requests_total"
"""A counter of answered calls, with the HTTP `status` as a label."""
SECONDS: Final = "modelyard_request_seconds"
"""A histogram of the seconds that answers took."""
IN_PROGRESS: Final = "modelyard_requests_in_progress"
"""A gauge of calls being answered."""
