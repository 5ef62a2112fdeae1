from .access import key_use as key_use
from .aws import Workbench as Workbench
from .known import KnownWorkbench as KnownWorkbench
from .spec import WorkbenchSpec as WorkbenchSpec
from .types import STUDIO_TYPES as STUDIO_TYPES
