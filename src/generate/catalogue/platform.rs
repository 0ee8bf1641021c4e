//! Logs, alarms, AWS Config, `GuardDuty`, Security Hub, CloudTrail, Organizations. Data.
use super::{Api, read, write};

pub(super) const APIS: &[Api] = &[
    write("logs", "CreateLogStream", 9, r#"{"logGroupName":"/aws/lambda/$function","logStreamName":"[$nn]$hex16$hex8"}"#),
    write("logs", "PutRetentionPolicy", 9, r#"{"logGroupName":"/aws/lambda/$function","retentionInDays":30}"#),
    read("logs", "DescribeLogGroups", 9, r#"{"logGroupNamePrefix":"/aws/lambda/","limit":50}"#),
    read("logs", "StartQuery", 9, r#"{"logGroupNames":["/aws/lambda/$function"],"startTime":$nnnn,"queryString":"HIDDEN_DUE_TO_SECURITY_REASONS","limit":1000}"#),
    read("monitoring", "DescribeAlarms", 8, r#"{"alarmNamePrefix":"$env-","maxRecords":100}"#),
    write("monitoring", "PutMetricAlarm", 8, r#"{"alarmName":"$env-$service-$alarm","namespace":"Harborlight/$service","metricName":"$alarm","statistic":"Maximum","period":60,"evaluationPeriods":5,"threshold":$nn,"comparisonOperator":"GreaterThanThreshold","alarmActions":["arn:aws:sns:$region:$account:oncall"],"treatMissingData":"notBreaching","actionsEnabled":true}"#),
    write("config", "PutEvaluations", 5, r#"{"evaluations":[{"complianceResourceType":"AWS::S3::Bucket","complianceResourceId":"harborlight-$env-$bucket","complianceType":"COMPLIANT","orderingTimestamp":"$date"}],"resultToken":"$hex64","testMode":false}"#),
    read("config", "DescribeConfigRules", 5, r#"{"configRuleNames":["s3-bucket-ssl-requests-only"]}"#),
    read("guardduty", "ListFindings", 8, r#"{"detectorId":"$hex16","findingCriteria":{"criterion":{"service.archived":{"eq":["false"]}}},"maxResults":50}"#),
    write("securityhub", "BatchImportFindings", 8, r#"{"Findings":[{"SchemaVersion":"2018-10-08","Id":"$uuid","ProductArn":"arn:aws:securityhub:$region::product/aws/config","GeneratorId":"config-rule-$hex8","AwsAccountId":"$account","Types":["Software and Configuration Checks"],"CreatedAt":"$time","UpdatedAt":"$time","Severity":{"Label":"LOW"},"Title":"harborlight-$env-$bucket","Compliance":{"Status":"PASSED"}}]}"#)
        .response(r#"{"FailedCount":0,"SuccessCount":1,"FailedFindings":[]}"#),
    read("cloudtrail", "LookupEvents", 8, r#"{"maxResults":50,"lookupAttributes":[{"attributeKey":"EventName","attributeValue":"ConsoleLogin"}],"startTime":"$date"}"#),
    read("organizations", "ListAccounts", 8, r#"{"maxResults":20}"#),
    read("sqs", "GetQueueAttributes", 8, r#"{"queueUrl":"https://sqs.$region.amazonaws.com/$account/$queue","attributeNames":["ApproximateNumberOfMessages","ApproximateAgeOfOldestMessage"]}"#),
    write("sqs", "SetQueueAttributes", 8, r#"{"queueUrl":"https://sqs.$region.amazonaws.com/$account/$queue","attributes":{"VisibilityTimeout":"120"}}"#),
];
