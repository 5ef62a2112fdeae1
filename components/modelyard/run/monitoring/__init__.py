"""What watches a model that serves: definitions of monitoring jobs, schedules, alarms."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
