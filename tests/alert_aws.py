"""AWS's receivers of alerts, served by moto, as AWS's own library sets them up and reads them.

setup ENDPOINT: makes queues, two topics that lead into them, and a rule of EventBridge that does; prints their names as JSON.
drain ENDPOINT QUEUE: takes all that is in the queue, and prints it as a JSON list.
"""
import json
import sys

import boto3

# What AWS's user guide gives for Insights, but for "source": AWS keeps aws.* to itself.
PATTERN = {
    "detail-type": ["AWS Insight via CloudTrail"],
    "detail": {
        "eventType": ["AwsCloudTrailInsight"],
        "eventCategory": ["Insight"],
        "insightDetails": {"insightType": ["ApiCallRateInsight", "ApiErrorRateInsight"], "state": ["Start", "End"]},
    },
}
# Of the attributes that come with each message.
GRAVE = {"severity": ["critical", "high"], "state": ["Start"]}

command, endpoint, *rest = sys.argv[1:]


def client(service: str):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="a/b+c=example",
    )


sqs = client("sqs")


def queue(name: str, **attributes: str) -> tuple[str, str]:
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def setup() -> None:
    sns, events = client("sns"), client("events")
    made = {}
    made["topic"] = sns.create_topic(Name="insights")["TopicArn"]
    for name, policy in [("all", None), ("grave", GRAVE)]:
        made[name], arn = queue(name)
        attributes = {"FilterPolicy": json.dumps(policy)} if policy else {}
        sns.subscribe(TopicArn=made["topic"], Protocol="sqs", Endpoint=arn, Attributes=attributes)
    made["fifo_topic"] = sns.create_topic(Name="insights.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    made["fifo"], arn = queue("ordered.fifo", FifoQueue="true")
    sns.subscribe(TopicArn=made["fifo_topic"], Protocol="sqs", Endpoint=arn)
    made["bus"] = "security"
    events.create_event_bus(Name=made["bus"])
    made["rule"], arn = queue("rule")
    events.put_rule(Name="insights", EventBusName=made["bus"], EventPattern=json.dumps(PATTERN))
    events.put_targets(Rule="insights", EventBusName=made["bus"], Targets=[{"Id": "queue", "Arn": arn}])
    print(json.dumps(made))


def drain() -> None:
    taken = []
    while messages := sqs.receive_message(
        QueueUrl=rest[0], MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
    ).get("Messages"):
        for message in messages:
            taken.append({"body": message["Body"], "attributes": message["Attributes"]})
            sqs.delete_message(QueueUrl=rest[0], ReceiptHandle=message["ReceiptHandle"])
    print(json.dumps(taken))


{"setup": setup, "drain": drain}[command]()
