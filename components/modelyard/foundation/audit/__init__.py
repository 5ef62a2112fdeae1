"""Who did what: a locked trail, alarms on tampering, and the bus of the platform's own events."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
