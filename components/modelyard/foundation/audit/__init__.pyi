from .aws import AuditTrail as AuditTrail
from .known import AuditLike as AuditLike
from .known import KnownAudit as KnownAudit
from .places import key_statements as key_statements
from .spec import AuditSpec as AuditSpec
from .spec import ComplianceLock as ComplianceLock
from .spec import GovernanceLock as GovernanceLock
