from .aws import RetrainingLoop as RetrainingLoop
from .spec import AutomaticApproval as AutomaticApproval
from .spec import CanarySpec as CanarySpec
from .spec import OnThreshold as OnThreshold
from .spec import PersonApproval as PersonApproval
from .spec import RetrainingSpec as RetrainingSpec
from .spec import RunBudgetSpec as RunBudgetSpec
from .spec import machine_name as machine_name
