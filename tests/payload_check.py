"""Payloads of feeds -> nothing, or what those who read them find wrong.

eventbridge, sns: bodies of queue messages, held to the models of AWS's Powertools for Lambda.
ocsf: lines, held to the published schema of OCSF in the version that they name.
webhook: requests, their signature computed anew from what docs/alerting.md says.
sigv4: requests to AWS, signed anew by botocore at the same second.
Each comes as a JSON list on standard input.
"""
import hashlib
import hmac
import json
import sys

given = json.load(sys.stdin)
problems: list[str] = []


def eventbridge() -> None:
    from aws_lambda_powertools.utilities.parser import parse
    from aws_lambda_powertools.utilities.parser.envelopes import EventBridgeEnvelope
    from aws_lambda_powertools.utilities.parser.models import EventBridgeModel

    for body in given:
        # Who owns the bus is AWS's to say, and moto does not.
        envelope = {"account": "123456789012"} | json.loads(body)
        event = parse(event=envelope, model=EventBridgeModel)
        if event.detail_type != "AWS Insight via CloudTrail" or event.source.startswith("aws."):
            problems.append(f"{event.detail_type} of {event.source}")
        detail = parse(event=envelope, model=insight(), envelope=EventBridgeEnvelope)
        if detail.eventTime != event.time:
            problems.append(f"{event.id} is of {event.time}, its insight of {detail.eventTime}")


def sns() -> None:
    from aws_lambda_powertools.utilities.parser import parse
    from aws_lambda_powertools.utilities.parser.envelopes import SnsSqsEnvelope
    from aws_lambda_powertools.utilities.parser.models import SnsNotificationModel

    for body in given:
        notification = parse(event=json.loads(body), model=SnsNotificationModel)
        attributes = {name: value.Value for name, value in notification.MessageAttributes.items()}
        record = in_queue(body)
        (detail,) = parse(event={"Records": [record]}, model=insight(), envelope=SnsSqsEnvelope)
        if (attributes["state"], attributes["account"]) != (detail.insightDetails["state"], detail.recipientAccountId):
            problems.append(f"{attributes} are not of {detail}")
        if not notification.Subject.isascii() or len(notification.Subject) > 100:
            problems.append(f"subject {notification.Subject!r}")


def in_queue(body: str) -> dict:
    """As AWS hands a queue's message to a function."""
    attributes = dict.fromkeys(["ApproximateReceiveCount", "SenderId"], "1")
    times = dict.fromkeys(["ApproximateFirstReceiveTimestamp", "SentTimestamp"], "1700000000000")
    return {
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "x",
        "body": body,
        "attributes": attributes | times,
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode()).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:all",
        "awsRegion": "eu-west-1",
    }


def insight():
    """The nine keys of an Insights record, and none besides."""
    from datetime import datetime
    from typing import Any, Literal
    from uuid import UUID

    from pydantic import BaseModel, ConfigDict

    class Insight(BaseModel):
        model_config = ConfigDict(extra="forbid")
        eventVersion: Literal["1.09"]
        eventTime: datetime
        awsRegion: str
        eventID: UUID
        eventType: Literal["AwsCloudTrailInsight"]
        recipientAccountId: str
        sharedEventID: UUID
        insightDetails: dict[str, Any]
        eventCategory: Literal["Insight"]

    return Insight


def ocsf() -> None:
    from jsonschema import Draft202012Validator
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

    validators: dict[str, Draft202012Validator] = {}
    for line in given:
        finding = json.loads(line)
        version = finding["metadata"]["version"]
        if version not in validators:
            schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
            name = schema.lookup_class_name_from_uid(finding["class_uid"])
            of_class = schema.get_class_schema(name, finding["metadata"]["profiles"])
            validators[version] = Draft202012Validator(of_class)
        errors = validators[version].iter_errors(finding)
        problems.extend(f"{finding['metadata'].get('uid')}: {e.json_path}: {e.message[:300]}" for e in errors)
        if finding["type_uid"] != finding["class_uid"] * 100 + finding["activity_id"]:
            problems.append(f"type_uid {finding['type_uid']}")


def webhook() -> None:
    from pathlib import Path

    # What the documentation tells readers to do.
    page = (Path(__file__).parent.parent / "docs" / "alerting.md").read_text()
    documented: dict = {}
    exec(page.split("```python\n")[1].split("```")[0], documented)
    verify = documented["verify"]
    secret = sys.argv[2].encode()
    for request in given:
        headers, body = request["headers"], request["body"].encode()
        at = int(headers["x-trailpulse-timestamp"])
        signed = headers["x-trailpulse-timestamp"].encode() + b"." + body
        want = "sha256=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(want, headers["x-trailpulse-signature"]):
            problems.append(f"{headers['x-trailpulse-signature']} should be {want}")
        if not verify(secret, headers, body, at):
            problems.append("the documented check refuses it")
        if verify(secret, headers, body + b" ", at) or verify(b"other", headers, body, at) or verify(secret, headers, body, at + 301):
            problems.append("the documented check takes what it should refuse")


def sigv4() -> None:
    import datetime
    from unittest import mock

    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    credentials = Credentials("AKIAEXAMPLE", "a/b+c=example")
    for request in given:
        headers = request["headers"]
        scope, signed, _ = [part.split("=", 1)[1] for part in headers["authorization"].split(" ", 1)[1].split(", ")]
        _, _, region, service, _ = scope.split("/")
        at = datetime.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
        # Exactly the headers that were signed; botocore adds its own date.
        kept = {name: headers[name] for name in signed.split(";") if name not in ("host", "x-amz-date")}
        again = AWSRequest("POST", f"http://{headers['host']}/", data=request["body"].encode(), headers=kept)
        signer = botocore.auth.SigV4Auth(credentials, service, region)
        with mock.patch("botocore.auth.get_current_datetime", lambda: at):
            signer.add_auth(again)
        if again.headers["Authorization"] != headers["authorization"]:
            problems.append(f"{headers['authorization']} should be {again.headers['Authorization']}")


{"eventbridge": eventbridge, "sns": sns, "ocsf": ocsf, "webhook": webhook, "sigv4": sigv4}[sys.argv[1]]()
print("\n".join(problems))
print(f"{len(given)} were looked at", file=sys.stderr)
sys.exit(bool(problems) or not given)
