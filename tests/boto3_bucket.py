"""A bucket as AWS's own library sees it.

write ENDPOINT BUCKET FOLDER: makes the bucket and puts every file of the folder there.
read ENDPOINT BUCKET PREFIX: prints, as JSON, each object below the prefix with its bytes in hex, what it was written with,
and of files of the Insight tree the records in it.
"""
import gzip
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config

command, endpoint, bucket, where = sys.argv[1:]
s3 = boto3.client(
    "s3",
    endpoint_url=endpoint,
    region_name="eu-west-1",
    aws_access_key_id="AKIAEXAMPLE",
    aws_secret_access_key="a/b+c=example",
    config=Config(max_pool_connections=8),
)


def write() -> None:
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    folder = Path(where)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(
            lambda path: s3.put_object(
                Bucket=bucket,
                Key=path.relative_to(folder).as_posix(),
                Body=path.read_bytes(),
                ContentType="application/json",
                ContentEncoding="gzip",
            ),
            files,
        ):
            pass


def read() -> None:
    objects = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=where):
        for listed in page.get("Contents", []):
            key = listed["Key"]
            got = s3.get_object(Bucket=bucket, Key=key)
            body = got["Body"].read()
            head = s3.head_object(Bucket=bucket, Key=key)
            tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
            one = {
                "bytes": body.hex(),
                "type": head.get("ContentType"),
                "encoding": head.get("ContentEncoding"),
                "sse": head.get("ServerSideEncryption"),
                "kms_key_id": head.get("SSEKMSKeyId"),
                "bucket_key": head.get("BucketKeyEnabled"),
                "tags": {tag["Key"]: tag["Value"] for tag in tags},
            }
            if "/CloudTrail-Insight/" in key:
                one["records"] = json.loads(gzip.decompress(body))["Records"]
            objects[key] = one
    json.dump(objects, sys.stdout)


{"write": write, "read": read}[command]()
