#!/usr/bin/env python3
"""Raw logs and a published folder in; every number of every Insights record recounted; differences out, exit 1.

    recount.py LOGS... DEST [--self-test]

Written from AWS's documents and sample records, not from the Rust code: every record is read with Python's own
JSON, kept in full, and counted again for each number. Slow on purpose. `--self-test` also corrupts one number after
another in memory and fails unless each corruption is noticed.
"""
import argparse
import copy
import gzip
import io
import json
import pathlib
import re
import statistics
import sys
import uuid
import zlib
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone

MINUTE = timedelta(minutes=1)

# ---- Reading logs -----------------------------------------------------------------------------------------------

OTHER_KINDS = ("CloudTrail-Digest", "CloudTrail-Insight", "CloudTrail-NetworkActivity", "CloudTrail-Aggregated")
NOT_CALLS = {"AwsServiceEvent", "AwsCloudTrailInsight", "AwsVpceEvent", "AwsVpceEvents", "AwsAggregatedEvent"}
READ_VERBS = re.compile(
    "(Get|List|Describe|Head|Lookup|BatchGet|BatchDescribe|BatchCheck|Search|Query|Scan|Select|Check|Test|Verify|"
    "Validate|Simulate|Estimate|Preview|Discover|View)(?![a-z])"
)
DATA_CALLS = {  # for records that are too old to say so
    "s3.amazonaws.com": "(Get|Put|Head|Copy|Delete|Restore|List)Object|SelectObjectContent|UploadPart|ListParts|"
    "HeadBucket$|.*MultipartUpload$",
    "lambda.amazonaws.com": "Invoke(Async|Execution)?$",
    "dynamodb.amazonaws.com": ".*Items?$|Query$|Scan$|GetRecords$",
    "sns.amazonaws.com": "Publish(Batch)?$",
    "sqs.amazonaws.com": ".*Message(Batch)?$",
    "kinesis.amazonaws.com": "PutRecords?$|GetRecords$|GetShardIterator$",
}


def inflated(data):
    """Plain bytes; of a damaged gzip as much as there is."""
    if data[:2] != b"\x1f\x8b":
        return data
    out, stream = b"", gzip.GzipFile(fileobj=io.BytesIO(data))
    try:
        while piece := stream.read1(1 << 20):
            out += piece
    except (OSError, EOFError, zlib.error):
        pass
    return out


def values(text):
    """The JSON values of a text; of a damaged `Records` array those before the damage."""
    decoder, at = json.JSONDecoder(), 0
    if (head := re.match(r'\s*\{\s*"Records"\s*:\s*\[', text)) and not parses(text):
        at = head.end()
    while at < len(text):
        at = re.compile(r"[\s,]*").match(text, at).end()
        try:
            value, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            return
        yield value


def parses(text):
    try:
        json.loads(text)
        return True
    except json.JSONDecodeError:
        return False


def records_of(value):
    """The records in a JSON value: a file, an array, a record, or what other tools wrap them in."""
    if isinstance(value, list):
        for part in value:
            yield from records_of(part)
    elif isinstance(value, dict):
        for key in ("Records", "Events", "logEvents"):
            if isinstance(value.get(key), list):
                yield from records_of(value[key])
                return
        for key in ("CloudTrailEvent", "message"):
            if isinstance(value.get(key), str) and "eventName" not in value:
                yield from records_of(json.loads(value[key]))
                return
        yield value["detail"] if isinstance(value.get("detail"), dict) else value


class Logs:
    """Every call by series: (minute, write, error, identity, agent)."""

    def __init__(self, roots, dest):
        self.calls, self.seen, self.counted, self.duplicates = defaultdict(list), set(), 0, 0
        self.first = datetime.max.replace(tzinfo=timezone.utc)
        dest = pathlib.Path(dest).resolve()
        for root in map(pathlib.Path, roots):
            for path in sorted([root] if root.is_file() else root.rglob("*")):
                other = any(kind in part for part in path.parts for kind in OTHER_KINDS)
                if path.is_file() and not other and dest not in path.resolve().parents:
                    self.read(path)

    def read(self, path):
        text = inflated(path.read_bytes()).decode("utf-8-sig", errors="replace")
        key = re.match(r"(\d{12})_CloudTrail_", path.name) or re.search(r"/(\d{12})/CloudTrail/", str(path))
        for value in values(text):
            for record in records_of(value):
                self.count(record, key and key[1])

    def count(self, record, account_of_key):
        who = record.get("userIdentity") or {}
        category = record.get("eventCategory")
        if record.get("eventType") in NOT_CALLS or category in ("Insight", "NetworkActivity", "Aggregated"):
            return
        if (record.get("addendum") or {}).get("reason") == "UPDATED_DATA":
            return
        source, name, region = (record.get(key) for key in ("eventSource", "eventName", "awsRegion"))
        account = record.get("recipientAccountId") or account_of_key or who.get("accountId")
        if not (source and name and region and account and record.get("eventTime")):
            return
        if event_id := record.get("eventID"):
            if (account, event_id) in self.seen:
                self.duplicates += 1
                return
            self.seen.add((account, event_id))
        self.counted += 1
        if category not in ("Management", "Data"):
            data = not record["managementEvent"] if "managementEvent" in record else (
                source in DATA_CALLS and re.match(DATA_CALLS[source], name)
            )
            category = "Data" if data else "Management"
        read = record.get("readOnly")
        if not isinstance(read, bool):
            read = record.get("responseElements") is None and bool(READ_VERBS.match(name))
        identity = who.get("arn") or who.get("invokedBy") or who.get("type") or ""
        self.first = min(self.first, time(record["eventTime"]))
        self.calls[account, region, source, name, category].append((
            time(record["eventTime"]), not read, record.get("errorCode") or "",
            sys.intern(identity), sys.intern(record.get("userAgent") or ""),
        ))  # fmt: skip


def time(text):
    return datetime.fromisoformat(text).astimezone(timezone.utc).replace(second=0, microsecond=0)


# ---- Reading what was published -----------------------------------------------------------------------------------

KEY = re.compile(
    r"AWSLogs/(?:o-[a-z0-9]{10,32}/)?(?P<account>\d{12})/CloudTrail-Insight/(?P<region>[a-z0-9-]+)/(?P<day>\d{4}/\d\d/\d\d)/"
    r"(?P=account)_CloudTrail-Insight_(?P=region)_(?P<minute>\d{8}T\d{4}Z)_[A-Za-z0-9]{16}\.json\.gz"
)


def published(dest):
    dest = pathlib.Path(dest)
    files = []
    for path in sorted(dest.glob("AWSLogs/**/CloudTrail-Insight/**/*.gz")):
        data = path.read_bytes()
        member = zlib.decompressobj(31)
        text = member.decompress(data).decode()
        head = data[:4] == b"\x1f\x8b\x08\x00" and data[4:8] == bytes(4) and not member.unused_data
        files.append({
            "path": path.relative_to(dest).as_posix(), "gzip": head and member.eof,
            "compact": text.startswith('{"Records":[') and text.endswith("]}"), "records": json.loads(text)["Records"],
        })  # fmt: skip
    lines = [json.loads(line) for line in (dest / "insights.jsonl").read_text().splitlines()]
    return {"files": files, "lines": lines, "summary": json.loads((dest / "summary.json").read_text())}


# ---- Comparing ----------------------------------------------------------------------------------------------------

NINE = ["eventVersion", "eventTime", "awsRegion", "eventID", "eventType", "recipientAccountId", "sharedEventID",
        "insightDetails", "eventCategory"]  # fmt: skip
DETAILS = ["state", "eventSource", "eventName", "insightType", "errorCode", "sourceEventCategory", "insightContext"]
EXPLANATION = {"detected_at", "direction", "window_minutes", "observed", "expected", "deviation", "bound",
               "log10_probability",               "largest_before", "series_age_days", "usual_time_of_day", "usual_time_of_week", "contributors",
               "severity", "rule", "text", "model", "model_digest", "sensitivity"}  # fmt: skip
AT_THE_END = {"peak"}
NOT_IN_TREE = {"muted_by", "muted_because", "roll_up"}


def calls_of(logs, record, start, end):
    """The calls of a record's series from `start` up to but without `end`."""
    details = record["insightDetails"]
    series = (record["recipientAccountId"], record["awsRegion"], details["eventSource"], details["eventName"],
              details["sourceEventCategory"])  # fmt: skip
    for call in logs.calls[series]:
        minute, write, error, _, _ = call
        if not start <= minute < end:
            continue
        if details["insightType"] == "ApiErrorRateInsight":
            belongs = error == details["errorCode"]
        else:
            belongs = write or details["sourceEventCategory"] == "Data"
        if belongs:
            yield call


def context(logs, record, start, end):
    """`insightContext`, as it has to be."""
    midnight = start.replace(hour=0, minute=0) - timedelta(days=7)
    sides = {
        "insight": (list(calls_of(logs, record, start, end)), (end - start) // MINUTE),
        "baseline": (list(calls_of(logs, record, midnight, start)), (start - midnight) // MINUTE),
    }
    columns = {"userIdentityArn": 3, "userAgent": 4}
    if record["insightDetails"]["insightType"] == "ApiCallRateInsight":
        columns["errorCode"] = 2
    if record["insightDetails"]["sourceEventCategory"] == "Data":
        columns["resourceArn"] = None  # resources are not counted: both sides are empty

    def top(side, column):
        calls, minutes = sides[side]
        if column is None:
            return []
        names = Counter(call[column] or ("null" if column == 2 else "") for call in calls)
        del names[""]
        ranked = sorted(names.items(), key=lambda item: (-item[1], item[0].encode(errors="surrogatepass")))
        return [{"value": value, "average": round(number / minutes, 10)} for value, number in ranked[:5]]

    average = {side: {"average": round(len(calls) / minutes, 10)} for side, (calls, minutes) in sides.items()}
    return {
        "statistics": {
            "baseline": average["baseline"], "insight": average["insight"],
            "insightDuration": sides["insight"][1], "baselineDuration": sides["baseline"][1],
        },
        "attributions": [
            {"attribute": name, "insight": top("insight", column), "baseline": top("baseline", column)}
            for name, column in columns.items()
        ],
    }  # fmt: skip


def differences(got, want, where=""):
    if isinstance(want, dict) and isinstance(got, dict) and list(got) == list(want):
        for key in want:
            yield from differences(got[key], want[key], f"{where}.{key}")
    elif isinstance(want, list) and isinstance(got, list) and len(got) == len(want):
        for index, (one, other) in enumerate(zip(got, want)):
            yield from differences(one, other, f"{where}[{index}]")
    elif got != want or isinstance(got, bool) != isinstance(want, bool):
        yield f"{where}: {got!r}, recounted {want!r}"


def check_file(file):
    """What the file itself has to be."""
    if not file["gzip"]:
        yield "not one gzip member without time and name"
    if not file["compact"]:
        yield "not compact JSON that begins with Records"
    key = KEY.fullmatch(file["path"])
    if not key or datetime.strptime(key["minute"], "%Y%m%dT%H%MZ").strftime("%Y/%m/%d") != key["day"]:
        yield "not a key of an Insight file"
        return
    for record in file["records"]:
        if (record.get("recipientAccountId"), record.get("awsRegion")) != (key["account"], key["region"]):
            yield "a record of another account or region"


def check_record(logs, record, written, starts):
    """Shape and numbers of a record."""
    details = record["insightDetails"]
    error_rate = details["insightType"] == "ApiErrorRateInsight"
    if list(record) != NINE:
        yield f"keys {list(record)}"
    if list(details) != [key for key in DETAILS if error_rate or key != "errorCode"]:
        yield f"keys of insightDetails {list(details)}"
    fixed = {"eventVersion": "1.09", "eventType": "AwsCloudTrailInsight", "eventCategory": "Insight"}
    for key, value in fixed.items():
        if record[key] != value:
            yield f"{key} {record[key]!r}"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00Z", record["eventTime"]):
        yield f"eventTime {record['eventTime']!r}"
    for key in ("eventID", "sharedEventID"):
        if uuid.UUID(record[key]).version != 5 or str(uuid.UUID(record[key])) != record[key]:
            yield f"{key} {record[key]!r} is not a derived UUID"
    at, statistics = time(record["eventTime"]), details["insightContext"]["statistics"]
    if details["state"] == "Start":
        start, end = at, max(written, at + MINUTE)
    else:
        start, end = at - statistics["insightDuration"] * MINUTE, at
        began = starts.get(record["sharedEventID"])
        if not began:
            yield "an End without a Start"
        elif time(began["eventTime"]) != start:
            yield f"lasts {statistics['insightDuration']} minutes, but began at {began['eventTime']}"
        elif identity(began) != identity(record):
            yield "Start and End are not of one series"
        if end <= start or written < end:
            yield "ends before it began, or was written before it ended"
    if end > start:
        yield from differences(details["insightContext"], context(logs, record, start, end), "insightContext")


def identity(record):
    details = {key: value for key, value in record["insightDetails"].items() if key not in ("state", "insightContext")}
    return record["recipientAccountId"], record["awsRegion"], details


def check_line(logs, line, written):
    record, why = line["record"], line["explanation"]
    needed = EXPLANATION | (AT_THE_END if record["insightDetails"]["state"] == "End" else set())
    if list(line) != ["record", "explanation"] or not needed <= set(why) <= needed | NOT_IN_TREE:
        yield f"keys {list(line)} {list(why)}"
    if NOT_IN_TREE & set(why):
        if record["eventID"] in written:
            yield "is in the tree"
        return
    if record["eventID"] not in written:
        yield "is not in the tree"
        return
    minute, in_tree = written[record["eventID"]]
    yield from differences(record, in_tree, "record")
    detected = time(why["detected_at"])
    if record["insightDetails"]["state"] == "Start" and detected != minute:
        yield f"detected_at {why['detected_at']}, but written at {minute}"
    window = list(calls_of(logs, record, detected - why["window_minutes"] * MINUTE, detected))
    # A detector may leave calls of an earlier episode out, but it cannot see more than there were.
    if why["observed"] > len(window):
        yield f"observed {why['observed']}, recounted {len(window)}"
    if peak := why.get("peak"):
        most = len(list(calls_of(logs, record, time(peak["at"]) - peak["window_minutes"] * MINUTE, time(peak["at"]))))
        if peak["observed"] > most:
            yield f"peak {peak['observed']}, recounted {most}"
    for key, want in usual(logs, record, detected, why["window_minutes"]).items():
        if why[key] != want:
            yield f"{key} {why[key]}, recounted {want}"
    yield from differences(why["contributors"], contributors(logs, record, why, window), "contributors")


def usual(logs, record, detected, minutes):
    """The median of the same minutes of the seven days, and of the four weeks, before."""
    def median_of(days):
        ends = [end for end in (detected - timedelta(days=d) for d in days) if end - minutes * MINUTE >= logs.first]
        totals = [sum(1 for _ in calls_of(logs, record, end - minutes * MINUTE, end)) for end in ends]
        return float(statistics.median(totals)) if totals else None

    return {"usual_time_of_day": median_of(range(1, 8)), "usual_time_of_week": median_of(range(7, 29, 7))}


def contributors(logs, record, why, window):
    """Who and what has more (of a fall: less) calls in the window than in as many minutes of the week before."""
    details, at = record["insightDetails"], time(record["eventTime"])
    start = at if details["state"] == "Start" else (
        at - details["insightContext"]["statistics"]["insightDuration"] * MINUTE)
    midnight = start.replace(hour=0, minute=0) - timedelta(days=7)
    baseline, sign = list(calls_of(logs, record, midnight, start)), 1 if why["direction"] == "up" else -1
    share = why["window_minutes"] / ((start - midnight) // MINUTE)
    names = {"identity": lambda call: re.sub(r"^(arn:[^:]*:[^:]*:[^:]*:[^:]*:assumed-role/[^/]*)/.*$", r"\1", call[3]),
             "user_agent": lambda call: call[4], "error_code": lambda call: call[2]}  # fmt: skip
    if details["insightType"] == "ApiErrorRateInsight":
        del names["error_code"]
    found = []
    for attribute, name in names.items():
        now, before = Counter(map(name, window)), Counter(map(name, baseline))
        rows = [(value, now[value], before[value] * share) for value in now | before if value]
        rows = [row for row in rows if sign * (row[1] - row[2]) > 0]
        rows.sort(key=lambda row: (-sign * (row[1] - row[2]), row[0].encode(errors="surrogatepass")))
        found += [{"attribute": attribute, "value": value, "calls": calls, "usual": round(usual, 4)}
                  for value, calls, usual in rows[:3]]  # fmt: skip
    return found


def check(logs, dest):
    """All problems of a published folder."""
    starts, written, shared = {}, {}, Counter()
    for file in dest["files"]:
        yield from (f"{file['path']}: {problem}" for problem in check_file(file))
        key = KEY.fullmatch(file["path"])
        minute = datetime.strptime(key["minute"] if key else "19700101T0000Z", "%Y%m%dT%H%M%z")
        for record in file["records"]:
            if record["eventID"] in written:
                yield f"{file['path']}: {record['eventID']} is there twice"
            written[record["eventID"]] = (minute, record)
            state = record["insightDetails"]["state"]
            shared[record["sharedEventID"], state] += 1
            if state == "Start":
                starts[record["sharedEventID"]] = record
    yield from (f"{id}: {number} records {state}" for (id, state), number in shared.items() if number > 1)
    for id, (minute, record) in written.items():
        yield from (f"{id}: {problem}" for problem in check_record(logs, record, minute, starts))
    minutes = []
    for number, line in enumerate(dest["lines"], 1):
        yield from (f"insights.jsonl:{number}: {problem}" for problem in check_line(logs, line, written))
        minutes += [written.get(line["record"]["eventID"], (None,))[0]]
    if minutes != sorted(minutes, key=str) or len(minutes) != len(written):
        yield f"insights.jsonl has {len(minutes)} lines, or not in the order of {len(written)} records"
    counts = {"counted": logs.counted, "duplicates": logs.duplicates, "insights": len({id for id, _ in shared}),
              "insight_records": len(written), "insights_open": len(starts) - sum(s == "End" for _, s in shared)}  # fmt: skip
    yield from differences({key: dest["summary"][key] for key in counts}, counts, "summary.json")


# ---- Corrupting ---------------------------------------------------------------------------------------------------


def corruptions():
    """What is changed, of the first record or of all that was read: each must be noticed."""

    def statistics(record):
        return record["insightDetails"]["insightContext"]["statistics"]

    def attribution(record):
        sides = (sides["insight"] for sides in record["insightDetails"]["insightContext"]["attributions"])
        return next(side for side in sides if side)[0]

    def add(place, key, amount):
        place[key] += amount

    yield "baseline average", lambda record, _: add(statistics(record)["baseline"], "average", 1e-10)
    yield "insight average", lambda record, _: add(statistics(record)["insight"], "average", 1e-10)
    yield "insight duration", lambda record, _: add(statistics(record), "insightDuration", 1)
    yield "baseline duration", lambda record, _: add(statistics(record), "baselineDuration", 1)
    yield "attributed average", lambda record, _: add(attribution(record), "average", 1e-10)
    yield "attributed value", lambda record, _: add(attribution(record), "value", "x")
    yield "attribution", lambda record, _: record["insightDetails"]["insightContext"]["attributions"].pop()
    yield "event time", lambda record, _: record.update(
        eventTime=(time(record["eventTime"]) - MINUTE).strftime("%Y-%m-%dT%H:%M:00Z"))  # fmt: skip
    yield "shared id", lambda record, _: record.update(sharedEventID=str(uuid.uuid4()))
    yield "region", lambda record, _: record.update(awsRegion="xx-nowhere-1")
    yield "tenth key", lambda record, _: record.update(readOnly=True)
    yield "line lost", lambda _, dest: dest["lines"].pop()
    yield "file lost", lambda _, dest: dest["files"].pop()
    yield "record twice", lambda record, dest: dest["files"][-1]["records"].append(record)
    yield "minute of writing", lambda _, dest: dest["files"][0].update(
        path=re.sub(r"T(\d\d)(?=\d\dZ)", lambda hour: f"T{(int(hour[1]) + 1) % 24:02}", dest["files"][0]["path"]))  # fmt: skip
    yield "usual of the day", lambda _, dest: dest["lines"][0]["explanation"].update(usual_time_of_day=-1.0)
    yield "usual of the week", lambda _, dest: dest["lines"][-1]["explanation"].update(usual_time_of_week=-1.0)
    yield "contributor", lambda _, dest: dest["lines"][0]["explanation"]["contributors"].append("x")
    yield "peak", lambda _, dest: next(
        line for line in dest["lines"] if "peak" in line["explanation"])["explanation"]["peak"].update(observed=1e9)  # fmt: skip
    yield "records counted", lambda _, dest: add(dest["summary"], "counted", 1)
    yield "duplicates", lambda _, dest: add(dest["summary"], "duplicates", 1)
    yield "insights", lambda _, dest: add(dest["summary"], "insights", 1)


def self_test(logs, dest):
    for what, corrupt in corruptions():
        # Counts without callers have empty attributions: nothing to corrupt.
        broken = copy.deepcopy(dest)
        records = [record for file in broken["files"] for record in file["records"]]
        attributed = (record for record in records if any(
            sides["insight"] for sides in record["insightDetails"]["insightContext"]["attributions"]))
        record = next(attributed, None)
        if not record and what.startswith("attributed"):
            continue
        record = record or records[0]
        corrupt(record, broken)
        for line in broken["lines"]:  # the same change in both places, so that the numbers alone give it away
            if line["record"]["eventID"] == record["eventID"]:
                line["record"] = copy.deepcopy(record)
        try:
            noticed = any(True for _ in check(logs, broken))
        except (KeyError, ValueError):
            noticed = True
        if not noticed:
            yield f"self-test: a corrupted {what} went unnoticed"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("logs", nargs="+", help="raw log files or folders")
    arguments.add_argument("dest", help="the folder that trailpulse wrote")
    arguments.add_argument("--self-test", action="store_true", help="corrupt what was read, and fail if unnoticed")
    arguments = arguments.parse_args()
    logs, dest = Logs(arguments.logs, arguments.dest), published(arguments.dest)
    problems = list(check(logs, dest))
    if arguments.self_test:
        problems += self_test(logs, dest) if dest["files"] else ["self-test: no record to corrupt"]
    print(*problems, sep="\n", end="\n" if problems else "")
    records = sum(len(file["records"]) for file in dest["files"])
    print(f"{records} Insights records against {logs.counted} calls: {len(problems)} problems", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
