from .comparing import Difference as Difference
from .comparing import differences as differences
from .looking import Checked as Checked
from .looking import Drift as Drift
from .looking import Held as Held
from .looking import check as check
from .looking import checked as checked
