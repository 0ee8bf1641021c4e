"""How the cost of a scan grows: with records, with series, with quiet days, and with the size of files. -> Markdown."""
import datetime, gzip, json, os, re, shutil, subprocess

from measure import BINARY, WORK, least, measured

RUNS = 5

DAY = datetime.datetime(2026, 1, 5)
HEADER = "minute,account,region,event_source,event_name,category,read_only,error_code,calls\n"


def scan(source):
    return [BINARY, "scan", source, "--out", WORK / "scan", "--jobs", 1, "--quiet"]


def first_days(tree, days):
    """The first days of a log tree, as links to its files; and how many those are."""
    kept, folders = WORK / f"first-{days}", sorted({day.parent for day in tree.rglob("*_CloudTrail_*.json.gz")})
    shutil.rmtree(kept, ignore_errors=True)
    wanted = sorted({folder.parts[-3:] for folder in folders})[:days]
    files = 0
    for folder in folders:
        if folder.parts[-3:] in wanted:
            there = kept / folder.relative_to(tree)
            there.mkdir(parents=True)
            for file in sorted(folder.iterdir()):
                os.link(file, there / file.name)
                files += 1
    return kept, files


def records(generate):
    """One organization, more and more days of it. Each part is read so often that all do the same work, and the mean is
    told: the least of many short runs would flatter the small parts, on a machine that is slow for a minute now and then."""
    tree, _, _ = generate(350, 10_000_000)
    parts = {days: first_days(tree, days) for days in [4, 35, 105, 350]}
    yield "| records | days | files | runs | scan: CPU µs a record | MiB | counts: CPU µs a record | MiB | scan: instructions a record |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    sizes = {days: (read(kept), files) for days, (kept, files) in parts.items()}
    most, _ = sizes[max(sizes)]
    for days, (kept, _) in parts.items():
        made, files = sizes[days]
        runs, figures = round(most / made), []
        for command in [scan(kept), [BINARY, "counts", kept, "--out", WORK / "out.parquet", "--jobs", 1, "--quiet"]]:
            rounds = [measured(command) for _ in range(runs)]
            figures += [f"{sum(cpu for cpu, _, _ in rounds) / runs / made * 1e6:.2f}", f"{max(peak for _, _, peak in rounds):.0f}"]
        # What no other work on the machine changes; a valgrind takes fifty times as long, so not of all.
        figures.append(f"{instructions(scan(kept)) / made:,.0f}" if days <= 105 else "")
        yield f"| {made:,} | {days} | {files:,} | {runs} | {' | '.join(figures)} |"


def instructions(command):
    """How many a command takes, by valgrind."""
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    said = subprocess.run([*valgrind, *map(str, command)], check=True, capture_output=True, text=True).stderr
    return int(re.search(r"refs:\s+([\d,]+)", said)[1].replace(",", ""))


def read(source):
    """How many records it has."""
    least([scan(source)], 1)
    return json.loads((WORK / "scan" / "summary.json").read_text())["input"]["records"]


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


def spread(number, each):
    """So many series, and of each so many minutes, spread over the week, every series otherwise."""
    return table(WORK / "counts.csv", number, lambda one: range(one * 7 % 1440, one * 7 % 1440 + 8_640, max(8_640 // each, 1)))


def cost_of_table(runs=RUNS):
    [(cpu, _, peak)] = least([scan(WORK / "counts.csv")], runs)
    return cpu, peak


def series():
    """More and more series of twenty recorded minutes each; then a million recorded minutes of a week, of few series or
    of many: the fewer, the closer they stand together, and the less looking at half hours they share costs."""
    spread(1, 1)
    start, _ = cost_of_table()
    yield "| series | recorded minutes | of each | CPU µs a recorded minute | MiB |"
    yield "| ---: | ---: | ---: | ---: | ---: |"
    for number, each in [(1_000, 20), (10_000, 20), (100_000, 20), (100, 10_000), (1_000, 1_000), (10_000, 100), (100_000, 10)]:
        rows = spread(number, each)
        cpu, peak = cost_of_table()
        yield f"| {number:,} | {rows:,} | {rows // number:,} | {(cpu - start) / rows * 1e6:.2f} | {peak:.0f} |"


def quiet_days():
    """Ten thousand series with ten calls on the first day and one on the last."""
    yield "| days | quiet series-days | CPU s | µs a further quiet series-day |"
    yield "| ---: | ---: | ---: | ---: |"
    before = (0, 0)
    for days in [1, 2, 7, 35, 365]:
        last = days * 1440 - 10
        table(WORK / "counts.csv", 10_000, lambda one: [*range(one % 1300, one % 1300 + 100, 10), last])
        cpu, _ = cost_of_table(5 * RUNS)
        quiet = 10_000 * max(days - 2, 0)
        further = f"{(cpu - before[0]) / (quiet - before[1]) * 1e6:.2f}" if quiet else ""
        before = (cpu, quiet)
        yield f"| {days} | {quiet:,} | {cpu:.2f} | {further} |"


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
    folders = [write("tiny", pieces(few, 5)), write("few", pieces(few, 500)), write("huge", [some]), write("ordinary", pieces(some, 500))]
    commands = [[BINARY, "counts", folder, "--out", WORK / "out.csv", "--jobs", 1, "--quiet"] for folder in folders]
    tiny, ordinary_few, huge, ordinary = (cpu for cpu, _, _ in least(commands, RUNS))
    count = len(few) // 5
    each = (tiny - ordinary_few) / (count - len(few) // 500) * 1e6
    at_most = 1.3 * ordinary_few + 60e-6 * count
    yield "| files | CPU s | in files of 500 records | ratio | at most |"
    yield "| --- | ---: | ---: | ---: | --- |"
    yield (f"| {count:,} of 5 records | {tiny:.3f} | {ordinary_few:.3f} | {tiny / ordinary_few:.2f}; {each:.0f} µs a file more "
           f"| 1.3 and 60 µs a file: {at_most:.3f} s |")
    yield f"| one of {size / 1e6:.0f} MB inflated | {huge:.3f} | {ordinary:.3f} | {huge / ordinary:.2f} | 1.3 |"
