"""The fence around a team: what the platform's stack makes for it, from the header of the team's file alone."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
