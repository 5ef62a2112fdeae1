from .aws import EvidenceStore as EvidenceStore
from .spec import GovernanceSpec as GovernanceSpec
