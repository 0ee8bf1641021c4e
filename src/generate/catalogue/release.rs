//! How software reaches production: ECR, `CloudFormation`, Route 53, Step Functions. Data.
use super::{Api, api, read, write};

pub(super) const APIS: &[Api] = &[
    read("ecr", "GetAuthorizationToken", 9, "null"),
    read("ecr", "BatchGetImage", 9, r#"{"registryId":"$account","repositoryName":"$service","imageIds":[{"imageTag":"$hex8"}],"acceptedMediaTypes":["application/vnd.docker.distribution.manifest.v2+json","application/vnd.oci.image.manifest.v1+json"]}"#)
        .resources(r#"[{"accountId":"$account","ARN":"arn:aws:ecr:$region:$account:repository/$service"}]"#),
    write("ecr", "InitiateLayerUpload", 9, r#"{"registryId":"$account","repositoryName":"$service"}"#)
        .response(r#"{"uploadId":"$uuid","partSize":20971520}"#)
        .resources(r#"[{"accountId":"$account","ARN":"arn:aws:ecr:$region:$account:repository/$service"}]"#),
    write("ecr", "CompleteLayerUpload", 9, r#"{"registryId":"$account","repositoryName":"$service","uploadId":"$uuid","layerDigests":["sha256:$hex64"]}"#)
        .response(r#"{"registryId":"$account","repositoryName":"$service","uploadId":"$uuid","layerDigest":"sha256:$hex64"}"#)
        .resources(r#"[{"accountId":"$account","ARN":"arn:aws:ecr:$region:$account:repository/$service"}]"#),
    write("ecr", "PutImage", 9, r#"{"registryId":"$account","repositoryName":"$service","imageManifest":"{\"schemaVersion\":2,\"mediaType\":\"application/vnd.docker.distribution.manifest.v2+json\"}","imageTag":"$hex8"}"#)
        .response(r#"{"image":{"registryId":"$account","repositoryName":"$service","imageId":{"imageDigest":"sha256:$hex64","imageTag":"$hex8"}}}"#)
        .resources(r#"[{"accountId":"$account","ARN":"arn:aws:ecr:$region:$account:repository/$service"}]"#),
    write("cloudformation", "CreateChangeSet", 8, r#"{"stackName":"$env-$service","changeSetName":"release-$hex8","changeSetType":"UPDATE","capabilities":["CAPABILITY_NAMED_IAM"],"templateURL":"https://harborlight-$env-artifacts.s3.amazonaws.com/$service/$hex8.yaml"}"#)
        .response(r#"{"id":"arn:aws:cloudformation:$region:$account:changeSet/release-$hex8/$uuid","stackId":"arn:aws:cloudformation:$region:$account:stack/$env-$service/$uuidb"}"#),
    write("cloudformation", "ExecuteChangeSet", 8, r#"{"stackName":"$env-$service","changeSetName":"release-$hex8","clientRequestToken":"$uuid"}"#),
    read("cloudformation", "DescribeStacks", 8, r#"{"stackName":"$env-$service"}"#),
    read("cloudformation", "DescribeStackEvents", 8, r#"{"stackName":"$env-$service"}"#),
    write("route53", "ChangeResourceRecordSets", 8, r#"{"hostedZoneId":"Z$id","changeBatch":{"changes":[{"action":"UPSERT","resourceRecordSet":{"name":"$service.example.com.","type":"CNAME","tTL":60,"resourceRecords":[{"value":"$env-$service.$region.elb.amazonaws.com"}]}}]}}"#)
        .response(r#"{"changeInfo":{"id":"/change/C$id","status":"PENDING","submittedAt":"$date"}}"#),
    write("states", "StartExecution", 8, r#"{"stateMachineArn":"arn:aws:states:$region:$account:stateMachine:returns-flow","name":"$uuid","input":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#)
        .response(r#"{"executionArn":"arn:aws:states:$region:$account:execution:returns-flow:$uuid","startDate":"$date"}"#)
        .resources(r#"[{"accountId":"$account","type":"AWS::StepFunctions::StateMachine","ARN":"arn:aws:states:$region:$account:stateMachine:returns-flow"}]"#),
    api("health", "DescribeEventAggregates", super::Sort::Read, 8)
        .request(r#"{"aggregateField":"eventTypeCategory","filter":{"eventStatusCodes":["open","upcoming"],"startTimes":[{"from":"$time"}]}}"#),
];
