from .aws import TeamFence as TeamFence
from .reach import PASSED_TO as PASSED_TO
from .reach import Reach as Reach
from .spec import Owner as Owner
from .spec import TeamHeader as TeamHeader
