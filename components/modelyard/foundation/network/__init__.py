"""The network that the platform's and the teams' work runs in: a VPC of ours, or one that exists."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
