"""The classic escapes of what holds data: buckets, keys, secrets, parameters, tables, catalogs, streams, files."""

from __future__ import annotations

from typing import Final

from tests.isolation.escape import TAGGED, UNTAGGED, Escape, each

VIA_S3: Final = {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}
FOR_A_SERVICE: Final = {"kms:GrantIsForAWSResource": "true"}
BY_HAND: Final = {"kms:GrantIsForAWSResource": "false"}
DATA: Final[tuple[Escape, ...]] = (
    each(
        "s3",
        "read and write objects",
        "GetObject GetObjectVersion PutObject DeleteObject DeleteObjectVersion",
        "object",
    ),
    each("s3", "list, with and without a prefix", "ListBucket ListBucketVersions", "bucket"),
    each("s3", "list below a prefix", "ListBucket", "bucket", context={"s3:prefix": "events/"}),
    each(
        "s3",
        "open a bucket",
        "PutBucketPolicy DeleteBucketPolicy PutBucketAcl PutBucketPublicAccessBlock "
        "PutReplicationConfiguration "
        "PutBucketNotification PutLifecycleConfiguration PutEncryptionConfiguration PutBucketOwnershipControls "
        "PutInventoryConfiguration PutBucketTagging DeleteBucket",
        "bucket",
    ),
    each(
        "s3", "open an object", "PutObjectAcl BypassGovernanceRetention PutObjectLegalHold PutObjectRetention", "object"
    ),
    each("s3", "go round by an access point", "CreateAccessPoint PutAccessPointPolicy", "accesspoint"),
    each(
        "kms",
        "use a key",
        "Decrypt Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext ReEncryptFrom ReEncryptTo",
        "key",
    ),
    each("kms", "use a key through S3", "Decrypt GenerateDataKey", "key", context=VIA_S3),
    each("kms", "hand a key on", "CreateGrant", "key", context=BY_HAND, twin=FOR_A_SERVICE),
    each("kms", "let a service use a key", "CreateGrant", "key", context=FOR_A_SERVICE),
    each(
        "kms",
        "change a key",
        "PutKeyPolicy ScheduleKeyDeletion DisableKey DisableKeyRotation TagResource UntagResource RevokeGrant "
        "ListGrants",
        "key",
    ),
    each("kms", "point an alias elsewhere", "UpdateAlias DeleteAlias CreateAlias", "alias key"),
    each(
        "secretsmanager",
        "read, change and rotate a secret",
        "GetSecretValue DescribeSecret PutSecretValue UpdateSecret RotateSecret DeleteSecret "
        "ReplicateSecretToRegions "
        "ListSecretVersionIds UpdateSecretVersionStage CancelRotateSecret",
        "Secret",
    ),
    each("secretsmanager", "open a secret", "PutResourcePolicy DeleteResourcePolicy", "Secret"),
    each("secretsmanager", "retag a secret", "TagResource", "Secret", context=TAGGED),
    each("secretsmanager", "take a secret's tag", "UntagResource", "Secret", context=UNTAGGED),
    each(
        "ssm",
        "read and write parameters",
        "GetParameter GetParameters GetParametersByPath GetParameterHistory PutParameter DeleteParameter "
        "LabelParameterVersion",
        "parameter",
    ),
    each("ssm", "retag a parameter", "AddTagsToResource", "parameter", context=TAGGED),
    each("ssm", "a shell on a machine", "StartSession SendCommand", "instance managed-instance document"),
    each("ssm", "someone's session", "ResumeSession TerminateSession", "session"),
    each(
        "dynamodb",
        "read and write a table, whole or by statement",
        "GetItem BatchGetItem Query Scan PutItem UpdateItem DeleteItem BatchWriteItem PartiQLSelect PartiQLUpdate",
        "table",
    ),
    each("dynamodb", "read an index", "Query Scan PartiQLSelect", "index"),
    each("dynamodb", "read a stream", "GetRecords GetShardIterator DescribeStream", "stream"),
    each(
        "dynamodb",
        "carry a table away",
        "ExportTableToPointInTime CreateBackup RestoreTableToPointInTime EnableKinesisStreamingDestination",
        "table",
    ),
    each("dynamodb", "restore a backup", "RestoreTableFromBackup DeleteBackup", "backup"),
    each("dynamodb", "open a table", "PutResourcePolicy DeleteResourcePolicy", "table"),
    each(
        "glue",
        "read the catalog",
        "GetDatabase GetTable GetTables GetPartitions SearchTables GetTableVersions",
        "database table",
    ),
    each(
        "glue",
        "change the catalog",
        "UpdateTable CreateTable DeleteTable BatchDeleteTable UpdateDatabase",
        "database table",
    ),
    each(
        "glue",
        "read a connection with its password",
        "GetConnection UpdateConnection DeleteConnection",
        "connection",
    ),
    each("glue", "run and change jobs", "StartJobRun UpdateJob GetJob ResetJobBookmark DeleteJob", "job"),
    each("glue", "start a crawler", "StartCrawler UpdateCrawler GetCrawler", "crawler"),
    each("glue", "retag", "TagResource", "job", context=TAGGED),
    each(
        "athena",
        "query in a workgroup, and read its results",
        "StartQueryExecution GetQueryResults GetQueryResultsStream GetQueryExecution ListQueryExecutions "
        "StopQueryExecution "
        "BatchGetQueryExecution GetNamedQuery CreateNamedQuery UpdateWorkGroup DeleteWorkGroup GetWorkGroup",
        "workgroup",
    ),
    each("athena", "open a notebook", "CreatePresignedNotebookUrl StartSession", "workgroup"),
    each(
        "kinesis",
        "read, write and re-shape a stream",
        "GetRecords GetShardIterator PutRecord PutRecords SubscribeToShard RegisterStreamConsumer MergeShards "
        "SplitShard "
        "DecreaseStreamRetentionPeriod DeleteStream StopStreamEncryption",
        "stream consumer",
    ),
    each("kinesis", "open a stream", "PutResourcePolicy DeleteResourcePolicy", "stream consumer"),
    each(
        "firehose",
        "write, and send elsewhere",
        "PutRecord PutRecordBatch UpdateDestination DeleteDeliveryStream StopDeliveryStreamEncryption "
        "DescribeDeliveryStream",
        "deliverystream",
    ),
    each(
        "fsx",
        "files, and where they go",
        "CreateDataRepositoryAssociation UpdateDataRepositoryAssociation CreateDataRepositoryTask "
        "DeleteFileSystem UpdateFileSystem",
        "file-system association",
    ),
    each(
        "elasticfilesystem",
        "mount as root",
        "ClientMount ClientWrite ClientRootAccess CreateAccessPoint DeleteFileSystem",
        "file-system",
    ),
    each("rds-db", "log in as another's user", "connect", "db-user"),
)
