"""Names of the resource types that rules ask about, as on the wire."""

from __future__ import annotations

from typing import Final

BUCKET: Final = "aws:s3/bucket:Bucket"
BUCKET_ENCRYPTION: Final = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
BUCKET_LIFECYCLE: Final = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
BUCKET_LOCK: Final = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
BUCKET_LOGGING: Final = "aws:s3/bucketLogging:BucketLogging"
BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
BUCKET_PUBLIC_ACCESS: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET_VERSIONING: Final = "aws:s3/bucketVersioning:BucketVersioning"
CACHE: Final = "aws:elasticache/serverlessCache:ServerlessCache"
CATALOG_SETTINGS: Final = "aws:glue/dataCatalogEncryptionSettings:DataCatalogEncryptionSettings"
FEATURE_GROUP: Final = "aws:sagemaker/featureGroup:FeatureGroup"
REPLICATION_GROUP: Final = "aws:elasticache/replicationGroup:ReplicationGroup"
TABLE: Final = "aws:dynamodb/table:Table"
TRAIL: Final = "aws:cloudtrail/trail:Trail"
WORKGROUP: Final = "aws:athena/workgroup:Workgroup"

DATA_LAKE: Final = "modelyard:data:DataLake"
AUDIT_TRAIL: Final = "modelyard:audit:AuditTrail"
EVIDENCE_STORE: Final = "modelyard:governance:EvidenceStore"
