//! S3, RDS, `DynamoDB`, Glue, Athena. Data.
use super::{Api, Sort, api, read, write};

const OBJECT: &str = r#"[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::harborlight-$env-$bucket/$object"},{"accountId":"$account","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::harborlight-$env-$bucket"}]"#;
const BUCKET: &str =
    r#"[{"accountId":"$account","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::harborlight-$env-$bucket"}]"#;
const SIGNED: &str = r#"{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"$hex64=","bytesTransferredOut":$nnnn}"#;

pub(super) const APIS: &[Api] = &[
    api("s3", "GetObject", Sort::DataRead, 11)
        .request(r#"{"bucketName":"harborlight-$env-$bucket","Host":"harborlight-$env-$bucket.s3.$region.amazonaws.com","key":"$object"}"#)
        .extra(r#"{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"$hex64=","bytesTransferredOut":$big}"#)
        .resources(OBJECT),
    api("s3", "PutObject", Sort::DataWrite, 11)
        .request(r#"{"bucketName":"harborlight-$env-$bucket","Host":"harborlight-$env-$bucket.s3.$region.amazonaws.com","key":"$object"}"#)
        .response(r#"{"x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:$region:$account:key/$kms","x-amz-version-id":"$hex16"}"#)
        .extra(r#"{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":$big,"SSEApplied":"SSE_KMS","AuthenticationMethod":"AuthHeader","x-amz-id-2":"$hex64=","bytesTransferredOut":0}"#)
        .resources(OBJECT),
    read("s3", "ListBuckets", 11, r#"{"Host":"s3.$region.amazonaws.com"}"#).extra(SIGNED),
    read("s3", "GetBucketAcl", 11, r#"{"bucketName":"harborlight-$env-$bucket","Host":"harborlight-$env-$bucket.s3.$region.amazonaws.com","acl":""}"#)
        .extra(SIGNED)
        .resources(BUCKET),
    read("s3", "GetBucketPolicy", 11, r#"{"bucketName":"harborlight-$env-$bucket","Host":"harborlight-$env-$bucket.s3.$region.amazonaws.com","policy":""}"#)
        .extra(SIGNED)
        .resources(BUCKET),
    write("s3", "PutBucketPolicy", 11, r#"{"bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"DenyInsecure","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::harborlight-$env-$bucket/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]},"bucketName":"harborlight-$env-$bucket","Host":"harborlight-$env-$bucket.s3.$region.amazonaws.com","policy":""}"#)
        .extra(SIGNED)
        .resources(BUCKET),
    read("rds", "DescribeDBInstances", 8, r#"{"dBInstanceIdentifier":"$env-$database"}"#),
    write("rds", "CreateDBSnapshot", 8, r#"{"dBSnapshotIdentifier":"$env-$database-$hex8","dBInstanceIdentifier":"$env-$database"}"#)
        .response(r#"{"dBSnapshotIdentifier":"$env-$database-$hex8","dBInstanceIdentifier":"$env-$database","engine":"aurora-postgresql","allocatedStorage":$nnnn,"status":"creating","port":5432,"availabilityZone":"$region$zone","vpcId":"vpc-$vpc","engineVersion":"15.4","snapshotType":"manual","percentProgress":0,"storageType":"io1","encrypted":true,"kmsKeyId":"arn:aws:kms:$region:$account:key/$kms","dBSnapshotArn":"arn:aws:rds:$region:$account:snapshot:$env-$database-$hex8"}"#),
    read("dynamodb", "DescribeTable", 11, r#"{"tableName":"$table"}"#)
        .resources(r#"[{"accountId":"$account","type":"AWS::DynamoDB::Table","ARN":"arn:aws:dynamodb:$region:$account:table/$table"}]"#),
    read("dynamodb", "ListTables", 11, r#"{"limit":100}"#),
    write("glue", "StartJobRun", 8, r#"{"jobName":"$database-daily","arguments":{"--source":"s3://harborlight-$env-lake-raw/$database/","--target":"s3://harborlight-$env-lake-curated/$database/","--job-bookmark-option":"job-bookmark-enable"},"workerType":"G.1X","numberOfWorkers":$n}"#)
        .response(r#"{"jobRunId":"jr_$hex64"}"#),
    write("glue", "BatchCreatePartition", 8, r#"{"databaseName":"$database","tableName":"$table","partitionInputList":[{"values":["2026","$n","$nn"],"storageDescriptor":{"location":"s3://harborlight-$env-lake-curated/$database/$table/","inputFormat":"org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat","outputFormat":"org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat","compressed":false,"numberOfBuckets":-1,"serdeInfo":{"serializationLibrary":"org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"}}}]}"#)
        .response(r#"{"errors":[]}"#),
    read("glue", "GetTable", 8, r#"{"databaseName":"$database","name":"$table"}"#),
    read("glue", "GetPartitions", 8, r#"{"databaseName":"$database","tableName":"$table","expression":"year = '2026'","maxResults":1000}"#),
    write("athena", "StartQueryExecution", 8, r#"{"queryString":"HIDDEN_DUE_TO_SECURITY_REASONS","clientRequestToken":"$uuid","queryExecutionContext":{"database":"$database"},"resultConfiguration":{"outputLocation":"s3://harborlight-$env-exports/athena/"},"workGroup":"analysts"}"#)
        .response(r#"{"queryExecutionId":"$uuidb"}"#),
    read("athena", "GetQueryExecution", 8, r#"{"queryExecutionId":"$uuid"}"#),
    read("athena", "GetQueryResults", 8, r#"{"queryExecutionId":"$uuid","maxResults":1000}"#),
];
