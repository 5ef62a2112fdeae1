"""The data lake: zones, datasets, catalog and queries, with grants per dataset."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
