"""What a team, or a whole platform environment, may cost in a month; who hears of it, and what then stops."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
