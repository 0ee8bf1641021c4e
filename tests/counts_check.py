"""A log tree and a counts table (.parquet or .csv) in; exit 0 where a naive count of the logs equals the table.

Written from AWS's documents alone: it shares nothing with the program that it checks. The table is read by DuckDB.
Knows only trees of `{"Records": [...]}` files, gzipped or not.
"""
import collections
import gzip
import json
import pathlib
import sys

import duckdb

READ_VERBS = ("Get", "List", "Describe", "Head", "Lookup", "BatchGet", "Search", "Query", "Scan", "Select", "Check", "Test", "Verify")


def is_read(record):
    if record.get("readOnly") is not None:
        return record["readOnly"]
    return record.get("responseElements") is None and record["eventName"].startswith(READ_VERBS)


def category(record):
    if record.get("eventCategory"):
        return record["eventCategory"]
    return "Data" if record.get("managementEvent") is False else "Management"


def identity(record):
    who = record.get("userIdentity") or {}
    return who.get("arn") or who.get("invokedBy") or who.get("type") or ""


def naive(tree, attributions):
    counts, seen = collections.Counter(), set()
    for path in sorted(pathlib.Path(tree).rglob("*_CloudTrail_*.json*")):
        raw = path.read_bytes()
        for record in json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)["Records"]:
            if record.get("eventType") == "AwsServiceEvent" or record.get("eventCategory") in ("Insight", "NetworkActivity"):
                continue
            if (record.get("addendum") or {}).get("reason") == "UPDATED_DATA":
                continue
            account = record.get("recipientAccountId") or path.name[:12]
            event = (account, record.get("eventID"))
            if event[1] and event in seen:
                continue
            seen.add(event)
            key = (record["eventTime"][:16] + ":00Z", account, record["awsRegion"], record["eventSource"], record["eventName"],
                   category(record), is_read(record), record.get("errorCode") or "")
            if attributions:
                key += (identity(record), record.get("userAgent") or "")
            counts[key] += 1
    return counts


def table(path):
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    read = f"read_csv('{path}', all_varchar = true)" if path.endswith(".csv") else f"read_parquet('{path}')"
    columns = [row[0] for row in database.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()]
    attributions = "user_agent" in columns
    names = ["account", "region", "event_source", "event_name", "category", "CAST(read_only AS BOOLEAN)", "coalesce(error_code, '')"]
    names += ["coalesce(user_identity_arn, '')", "coalesce(user_agent, '')"] if attributions else []
    rows = database.execute(
        f"SELECT strftime(CAST(minute AS TIMESTAMPTZ), '%Y-%m-%dT%H:%M:%SZ'), {', '.join(names)}, CAST(calls AS BIGINT) FROM {read}"
    ).fetchall()
    counts = collections.Counter()
    for row in rows:
        assert row[:-1] not in counts, f"two rows with the same key: {row}"
        counts[row[:-1]] = row[-1]
    assert [row[0] for row in rows] == sorted(row[0] for row in rows), "rows are not in order of time"
    return counts, attributions


def main():
    got, attributions = table(sys.argv[2])
    want = naive(sys.argv[1], attributions)
    for key in sorted(set(got) | set(want), key=str):
        if got[key] != want[key]:
            print(f"{key}: the table says {got[key]}, the logs {want[key]}")
    print(f"{len(want)} rows, {sum(want.values())} calls, attributions {attributions}")
    sys.exit(got != want)


if __name__ == "__main__":
    main()
