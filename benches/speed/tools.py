"""Other tools, each as a program that counts a log tree: events by minute, account, region, source and name, each event
once, as CSV on standard output. Arguments: a file that lists the log files, and the tree."""

PACKAGES = ["chdb", "duckdb", "isal", "polars", "pysimdjson"]

FIELDS = ["eventTime", "recipientAccountId", "awsRegion", "eventSource", "eventName", "eventID", "eventType"]
KEYS = "substr(r.eventTime, 1, 16), r.recipientAccountId, r.awsRegion, r.eventSource, r.eventName"
SQL = f"SELECT {KEYS}, count(DISTINCT r.eventID) FROM ({{rows}}) AS t WHERE r.eventType != 'AwsServiceEvent' GROUP BY {KEYS}"

DUCKDB = f"""
import csv, duckdb, sys
duckdb.sql("SET enable_progress_bar = false")
files = open(sys.argv[1]).read().split()
fields = ", ".join(f"{{name}} VARCHAR" for name in {FIELDS})
rows = f"SELECT unnest(Records) AS r FROM read_json({{files}}, columns={{{{Records: 'STRUCT({{fields}})[]'}}}}, maximum_object_size=100000000)"
csv.writer(sys.stdout).writerows(duckdb.sql({SQL!r}.format(rows=rows)).fetchall())
"""
CHDB = f"""
import chdb, sys
fields = ", ".join(f"{{name}} String" for name in {FIELDS})
rows = f"SELECT arrayJoin(Records) AS r FROM file('{{sys.argv[2]}}/**/*_CloudTrail_*.json.gz', 'JSONEachRow', 'Records Array(Tuple({{fields}}))')"
settings = " SETTINGS input_format_json_ignore_unknown_keys_in_named_tuple=1, input_format_json_defaults_for_missing_elements_in_named_tuple=1"
sys.stdout.write(str(chdb.query({SQL!r}.format(rows=rows) + settings, "CSV")))
"""
POLARS = f"""
import gzip, polars as pl, sys
schema = {{"Records": pl.List(pl.Struct({{name: pl.String for name in {FIELDS}}}))}}
parts = []
for path in open(sys.argv[1]).read().split():
    rows = pl.read_ndjson(gzip.open(path).read(), schema=schema).explode("Records").unnest("Records")
    rows = rows.filter(pl.col("eventType") != "AwsServiceEvent")
    parts.append(rows.select(pl.col("eventTime").str.head(16), *{FIELDS[1:6]}))
keys = ["eventTime", *{FIELDS[1:5]}]
pl.concat(parts).group_by(keys).agg(pl.col("eventID").n_unique()).write_csv(sys.stdout, include_header=False)
"""
SIMDJSON = """
import collections, csv, isal.igzip, simdjson, sys
parser, seen, counts = simdjson.Parser(), set(), collections.Counter()
for path in open(sys.argv[1]).read().split():
    records = parser.parse(isal.igzip.decompress(open(path, "rb").read()))["Records"]
    for record in records:
        event = (record["recipientAccountId"], record["eventID"])
        if record["eventType"] != "AwsServiceEvent" and event not in seen:
            seen.add(event)
            counts[record["eventTime"][:16], event[0], record["awsRegion"], record["eventSource"], record["eventName"]] += 1
    del records, record
csv.writer(sys.stdout).writerows((*key, calls) for key, calls in counts.items())
"""
JQ = r"""xargs zcat <"$1" | jq -r '.Records[] | select(.eventType != "AwsServiceEvent")
    | [.eventTime[:16], .recipientAccountId, .awsRegion, .eventSource, .eventName, .eventID] | @csv' \
    | LC_ALL=C sort -u | sed 's/,[^,]*$//' | uniq -c | sed -E 's/^ *([0-9]+) (.*)$/\2,\1/'"""


def commands(python, files, tree):
    """Each tool's name, and its command."""
    run = lambda code: [python, "-c", code, files, tree]
    return {
        "pysimdjson + isal": run(SIMDJSON),
        "ClickHouse (chDB), typed": run(CHDB),
        "Polars, explicit schema": run(POLARS),
        "DuckDB, typed": run(DUCKDB),
        "jq, sort, uniq": ["sh", "-c", JQ, "sh", files],
    }
