"""How the cost of a scan grows: with records, with series, with quiet days, and with the size of files. -> Markdown."""
import datetime, gzip, json, shutil

from measure import BINARY, WORK, measured, precise

DAY = datetime.datetime(2026, 1, 5)
HEADER = "minute,account,region,event_source,event_name,category,read_only,error_code,calls\n"


def scan(source):
    return [BINARY, "scan", source, "--out", WORK / "scan", "--jobs", 1, "--quiet"]


def records(generate):
    """One organization, more and more days of it."""
    yield "| records | days | files | CPU µs a record | CPU × floor | scan MiB | counts MiB |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for days, wanted in [(4, 114_000), (35, 1_000_000), (105, 3_000_000), (350, 10_000_000)]:
        tree, files, made = generate(days, wanted)
        floor, _, _ = measured(["sh", "-c", 'xargs libdeflate-gunzip -c <"$1"', "sh", WORK / "files"])
        cpu, _, peak = measured(scan(tree))
        counts = measured([BINARY, "counts", tree, "--out", WORK / "out.parquet", "--jobs", 1, "--quiet"])
        yield f"| {made:,} | {days} | {len(files):,} | {cpu / made * 1e6:.2f} | {cpu / floor:.2f} | {peak:.0f} | {counts[2]:.0f} |"


def table(path, series, rows_of):
    """A counts table: `rows_of(number)` gives the minutes in which a series has calls."""
    rows = []
    for number in range(series):
        name = f"1111222233{number % 10:02},eu-west-1,service{number // 10 % 40}.amazonaws.com,Call{number // 400},Management,false,,1"
        rows += ((minute, name) for minute in rows_of(number))
    rows.sort()
    with open(path, "w") as file:
        file.write(HEADER)
        for minute, name in rows:
            file.write(f"{(DAY + datetime.timedelta(minutes=minute)).isoformat()}Z,{name}\n")
    return len(rows)


def series():
    """A million recorded minutes of a week, of few or many series."""
    yield "| series | recorded minutes | CPU µs a recorded minute | MiB |"
    yield "| ---: | ---: | ---: | ---: |"
    for number in [100, 1_000, 10_000, 100_000]:
        each = 1_000_000 // number
        # Spread over the week, every series otherwise.
        rows = table(WORK / "counts.csv", number, lambda one: range(one * 7 % 1440, one * 7 % 1440 + 8_640, max(8_640 // each, 1)))
        cpu, _, peak = measured(scan(WORK / "counts.csv"))
        yield f"| {number:,} | {rows:,} | {cpu / rows * 1e6:.2f} | {peak:.0f} |"


def quiet_days():
    """Ten thousand series with ten calls on the first day and one on the last."""
    yield "| days | quiet series-days | CPU s | µs a quiet series-day |"
    yield "| ---: | ---: | ---: | ---: |"
    first = None
    for days in [1, 7, 35, 365]:
        last = days * 1440 - 10
        table(WORK / "counts.csv", 10_000, lambda one: [*range(one % 1300, one % 1300 + 100, 10), last])
        cpu = precise(scan(WORK / "counts.csv"), 3)
        first = first or cpu
        quiet = 10_000 * max(days - 2, 0)
        yield f"| {days} | {quiet:,} | {cpu:.2f} | {(cpu - first) / quiet * 1e6:.2f} |" if quiet else f"| {days} | 0 | {cpu:.2f} | |"


def file_sizes(files):
    """The same records in files of all sizes."""
    def write(name, lists):
        folder = WORK / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for number, some in enumerate(lists):
            text = json.dumps({"Records": some}, separators=(",", ":"))
            path = folder / f"111122223333_CloudTrail_eu-west-1_20260105T0010Z_{number:016}.json.gz"
            path.write_bytes(gzip.compress(text.encode(), 6))
        return folder

    def cost(folder):
        return precise([BINARY, "counts", folder, "--out", WORK / "out.csv", "--jobs", 1, "--quiet"])

    def pieces(some, size):
        return [some[start:start + size] for start in range(0, len(some), size)]

    def one_after_the_other():
        for path in files:
            yield from json.loads(gzip.open(path).read())["Records"]

    some, size = [], 0
    for record in one_after_the_other():
        some.append(record)
        size += len(json.dumps(record, separators=(",", ":"))) + 1
        if size >= 50_000_000:
            break
    few = some[:20_000]
    tiny, ordinary_few = cost(write("tiny", pieces(few, 5))), cost(write("few", pieces(few, 500)))
    huge, ordinary = cost(write("huge", [some])), cost(write("ordinary", pieces(some, 500)))
    count = len(few) // 5
    each = (tiny - ordinary_few) / (count - len(few) // 500) * 1e6
    at_most = 1.3 * ordinary_few + 60e-6 * count
    yield "| files | CPU s | in files of 500 records | ratio | at most |"
    yield "| --- | ---: | ---: | ---: | --- |"
    yield (f"| {count:,} of 5 records | {tiny:.3f} | {ordinary_few:.3f} | {tiny / ordinary_few:.2f}; {each:.0f} µs a file more "
           f"| 1.3 and 60 µs a file: {at_most:.3f} s |")
    yield f"| one of {size / 1e6:.0f} MB inflated | {huge:.3f} | {ordinary:.3f} | {huge / ordinary:.2f} | 1.3 |"
