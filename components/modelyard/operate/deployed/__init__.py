"""What really exists beside what was deployed, where the engine doesn't look: Cloud Control, and stacks' resources."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
