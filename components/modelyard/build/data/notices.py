"""What the key of a lake's notices must allow, as a public name of this package."""

from modelyard.core.notices import alarm_key_use

__all__ = ["alarm_key_use"]
