from .spec import AutomaticApproval as AutomaticApproval
from .spec import BudgetSpec as BudgetSpec
from .spec import CanarySpec as CanarySpec
from .spec import OnThreshold as OnThreshold
from .spec import PersonApproval as PersonApproval
from .spec import RetrainingSpec as RetrainingSpec
