"""Feature views: declared once, kept in SageMaker feature groups or in a Feast store, with the same grants."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
