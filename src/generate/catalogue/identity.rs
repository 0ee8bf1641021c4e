//! IAM, STS, sign-in, KMS, secrets and parameters. Data.
use super::{Api, Sort, api, read, write};

pub(super) const APIS: &[Api] = &[
    read("sts", "AssumeRole", 8, r#"{"roleArn":"arn:aws:iam::$account:role/$role","roleSessionName":"$role-$nnnn","durationSeconds":3600}"#)
        .response(r#"{"credentials":{"accessKeyId":"ASIA$accesskey","sessionToken":"$token","expiration":"$soon"},"assumedRoleUser":{"assumedRoleId":"AROA$id:$role-$nnnn","arn":"arn:aws:sts::$account:assumed-role/$role/$role-$nnnn"}}"#)
        .resources(r#"[{"accountId":"$account","type":"AWS::IAM::Role","ARN":"arn:aws:iam::$account:role/$role"}]"#),
    read("sts", "AssumeRoleWithWebIdentity", 8, r#"{"roleArn":"arn:aws:iam::$account:role/deploy","roleSessionName":"GitHubActions","durationSeconds":3600}"#)
        .response(r#"{"subjectFromWebIdentityToken":"repo:harborlight/$service:ref:refs/heads/main","credentials":{"accessKeyId":"ASIA$accesskey","sessionToken":"$token","expiration":"$soon"},"assumedRoleUser":{"assumedRoleId":"AROA$id:GitHubActions","arn":"arn:aws:sts::$account:assumed-role/deploy/GitHubActions"},"provider":"arn:aws:iam::$account:oidc-provider/token.actions.githubusercontent.com","audience":"sts.amazonaws.com"}"#)
        .extra(r#"{"identityProviderConnectionVerificationMethod":"IAMTrustStore"}"#)
        .resources(r#"[{"accountId":"$account","type":"AWS::IAM::Role","ARN":"arn:aws:iam::$account:role/deploy"}]"#),
    read("sts", "GetCallerIdentity", 8, "null"),
    read("iam", "ListUsers", 11, r#"{"maxItems":1000}"#),
    read("iam", "ListRoles", 11, r#"{"maxItems":1000}"#),
    read("iam", "ListAccessKeys", 11, r#"{"userName":"$user"}"#),
    read("iam", "GetAccessKeyLastUsed", 11, r#"{"accessKeyId":"AKIA$accesskey"}"#),
    read("iam", "ListAttachedRolePolicies", 11, r#"{"roleName":"$role"}"#),
    read("iam", "GetRole", 11, r#"{"roleName":"$role"}"#),
    read("iam", "GetPolicyVersion", 11, r#"{"policyArn":"arn:aws:iam::$account:policy/$role-policy","versionId":"v$n"}"#),
    write("iam", "CreateAccessKey", 11, r#"{"userName":"$user"}"#)
        .response(r#"{"accessKey":{"accessKeyId":"AKIA$accesskey","status":"Active","userName":"$user","createDate":"$date"}}"#),
    write("iam", "DeleteAccessKey", 11, r#"{"userName":"$user","accessKeyId":"AKIA$accesskey"}"#),
    write("iam", "AttachUserPolicy", 11, r#"{"userName":"$user","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}"#),
    write("iam", "AttachRolePolicy", 11, r#"{"roleName":"$role","policyArn":"arn:aws:iam::$account:policy/$role-policy"}"#),
    write("iam", "CreateRole", 11, r#"{"path":"/","roleName":"$role-$hex8","assumeRolePolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ecs-tasks.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}","maxSessionDuration":3600,"tags":[{"key":"Environment","value":"$env"}]}"#)
        .response(r#"{"role":{"path":"/","roleName":"$role-$hex8","roleId":"AROA$id","arn":"arn:aws:iam::$account:role/$role-$hex8","createDate":"$date","assumeRolePolicyDocument":"%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22ecs-tasks.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D"}}"#),
    write("iam", "DeleteRole", 11, r#"{"roleName":"$role-$hex8"}"#),
    api("signin", "ConsoleLogin", Sort::SignIn, 8)
        .response(r#"{"ConsoleLogin":"Success"}"#)
        .extra(r#"{"LoginTo":"https://console.aws.amazon.com/console/home?region=$region","MobileVersion":"No","MFAUsed":"No","SamlProviderArn":"arn:aws:iam::$account:saml-provider/AWSSSO_$hex16_DO_NOT_DELETE"}"#),
    read("kms", "Decrypt", 11, r#"{"encryptionContext":{"PARAMETER_ARN":"arn:aws:ssm:$region:$account:parameter/$param"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT","keyId":"arn:aws:kms:$region:$account:key/$kms"}"#)
        .extra(r#"{"keyMaterialId":"$hex64"}"#)
        .resources(r#"[{"accountId":"$account","type":"AWS::KMS::Key","ARN":"arn:aws:kms:$region:$account:key/$kms"}]"#),
    read("kms", "GenerateDataKey", 11, r#"{"keyId":"arn:aws:kms:$region:$account:key/$kms","keySpec":"AES_256","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::harborlight-$env-$bucket"}}"#)
        .extra(r#"{"keyMaterialId":"$hex64"}"#)
        .resources(r#"[{"accountId":"$account","type":"AWS::KMS::Key","ARN":"arn:aws:kms:$region:$account:key/$kms"}]"#),
    read("kms", "ListKeys", 11, r#"{"limit":1000}"#),
    api("kms", "RotateKey", Sort::ServiceEvent, 11)
        .extra(r#"{"keyId":"$kms","keyOrigin":"AWS_KMS","rotationType":"AUTOMATIC","rotationStatus":"COMPLETED"}"#)
        .resources(r#"[{"accountId":"$account","type":"AWS::KMS::Key","ARN":"arn:aws:kms:$region:$account:key/$kms"}]"#),
    read("secretsmanager", "GetSecretValue", 11, r#"{"secretId":"arn:aws:secretsmanager:$region:$account:secret:$secret-AbCdEf"}"#),
    read("secretsmanager", "ListSecrets", 11, r#"{"maxResults":100}"#),
    api("secretsmanager", "RotationSucceeded", Sort::ServiceEvent, 11)
        .extra(r#"{"SecretId":"arn:aws:secretsmanager:$region:$account:secret:$secret-AbCdEf"}"#),
    read("ssm", "GetParameter", 11, r#"{"name":"/$env/$param","withDecryption":true}"#)
        .resources(r#"[{"accountId":"$account","ARN":"arn:aws:ssm:$region:$account:parameter/$env/$param"}]"#),
    read("ssm", "GetParametersByPath", 11, r#"{"path":"/$env/shop","recursive":true,"withDecryption":true,"maxResults":10}"#)
        .resources(r#"[{"accountId":"$account","ARN":"arn:aws:ssm:$region:$account:parameter/$env/shop"}]"#),
    read("ssm", "DescribeParameters", 11, r#"{"parameterFilters":[{"key":"Path","option":"Recursive","values":["/$env"]}],"maxResults":50}"#),
    write("ssm", "PutParameter", 11, r#"{"name":"/$env/$param","value":"HIDDEN_DUE_TO_SECURITY_REASONS","type":"SecureString","overwrite":true,"tier":"Standard"}"#)
        .response(r#"{"version":$nn,"tier":"Standard"}"#)
        .resources(r#"[{"accountId":"$account","ARN":"arn:aws:ssm:$region:$account:parameter/$env/$param"}]"#),
    write("ssm", "DeleteParameter", 11, r#"{"name":"/$env/$param-$nn"}"#)
        .resources(r#"[{"accountId":"$account","ARN":"arn:aws:ssm:$region:$account:parameter/$env/$param-$nn"}]"#),
    write("ssm", "UpdateInstanceInformation", 11, r#"{"instanceId":"i-$instance","agentVersion":"3.3.1611.0","agentStatus":"Active","platformType":"Linux","platformName":"Amazon Linux","platformVersion":"2023","iPAddress":"$ip","computerName":"ip-10-0-$nn-$nn.ec2.internal","agentName":"amazon-ssm-agent","availabilityZone":"$region$zone","availabilityZoneId":"use1-az$n","sSMConnectionChannel":"ssmmessages"}"#),
];
