"""NAB's gauges -> counts tables for trailpulse, and its insights -> NAB's three scores. Standard library only.

A file becomes an account with two APIs: the value, and its mirror image, so that what falls rises too. A value v is a
count of `LEVEL * (1 + (v - m) / (SPREADS * s))` calls a minute, never below 0, with the median m and spread s of the
file's probation (its first 15 %, in which NAB scores nothing); it holds until the next value, at most the usual time between two. Minutes are the
file's own. An insight is a 1 in the row that holds the minute of its detection, all else a 0, and the threshold is 0.5:
whether there is an alarm is the model's decision, not the scorer's. While one of the two APIs has an open insight, the
other says nothing new.
"""
import csv
import datetime
import json
import statistics
import subprocess
from bisect import bisect_right
from pathlib import Path

LEVEL, SPREADS, MOST = 100, 4, 10_000_000
PROBATION, LONGEST_PROBATION = 0.15, 750
START = datetime.datetime(2025, 1, 6, tzinfo=datetime.timezone.utc)
PUBLISHED = {
    "ARTime (best)": (74.9, 65.2, 80.4), "Numenta HTM": (70.1, 63.2, 74.3), "CAD OSE": (69.9, 67.0, 73.2),
    "earthgecko Skyline": (58.2, 46.2, 63.9), "KNN-CAD": (58.0, 43.4, 64.8), "Relative Entropy": (54.6, 47.6, 58.8),
    "AWS random cut forest": (51.7, 38.4, 59.7), "Twitter ADVec": (47.1, 33.6, 53.5),
    "Windowed Gaussian": (39.6, 20.9, 47.4), "Etsy Skyline": (35.7, 27.1, 44.5), "nothing at all": (0.0, 0.0, 0.0),
}
PROFILES = ("standard", "reward_low_FP_rate", "reward_low_FN_rate")


class Gauge:
    """One file: its rows as they lie, and the minute from which each holds."""

    def __init__(self, path):
        with path.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        self.timestamps = [row["timestamp"] for row in rows]
        self.values = [float(row["value"]) for row in rows]
        times = [datetime.datetime.fromisoformat(text) for text in self.timestamps]
        elapsed = [int((time - times[0]).total_seconds() // 60) for time in times]
        self.minutes = [times[0].hour * 60 + times[0].minute]
        for before, after in zip(elapsed, elapsed[1:]):
            # Clocks that stand still or go back (daylight saving) go on by a minute.
            self.minutes.append(self.minutes[-1] + max(1, after - before))
        probation = min(int(PROBATION * len(rows)), LONGEST_PROBATION)
        known = sorted(self.values[:probation])
        steps = [after - before for before, after in zip(self.minutes[:probation], self.minutes[1:])]
        self.step = int(statistics.median(steps))
        self.median = statistics.median(known)
        deviation = 1.4826 * statistics.median(abs(value - self.median) for value in known)
        middle = known[int(0.99 * (len(known) - 1))] - known[int(0.01 * (len(known) - 1))]
        self.spread = max(deviation, middle / 8, 0.01 * abs(self.median), 1e-6)

    def counts(self, sign):
        """Minutes and calls; without a call, no row."""
        ends = self.minutes[1:] + [self.minutes[-1] + self.step]
        for minute, end, value in zip(self.minutes, ends, self.values):
            calls = round(LEVEL * (1 + sign * (value - self.median) / (SPREADS * self.spread)))
            if calls > 0:
                for held in range(minute, min(end, minute + self.step)):
                    yield held, min(calls, MOST)


def write_counts(gauges, path):
    with path.open("w") as out:
        out.write("minute,account,region,event_source,event_name,category,read_only,error_code,calls\n")
        for account, gauge in gauges.items():
            for name, sign in (("Value", 1), ("Mirror", -1)):
                for minute, calls in gauge.counts(sign):
                    time = (START + datetime.timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:00Z")
                    out.write(f"{time},{account},us-east-1,nab,{name},Management,false,,{calls}\n")


def alarms(path):
    """Minutes of detection, by account."""
    minute = lambda text: int((datetime.datetime.fromisoformat(text) - START).total_seconds() // 60)
    found = {}
    for line in path.open():
        line = json.loads(line)
        record = line["record"]
        episode = found.setdefault(record["sharedEventID"], [record["recipientAccountId"], None, float("inf")])
        if record["insightDetails"]["state"] == "Start":
            episode[1] = minute(line["explanation"]["detected_at"])
        else:
            episode[2] = minute(record["eventTime"])
    told = {}
    for account, detected, end in sorted(found.values(), key=lambda episode: episode[1]):
        mine = told.setdefault(account, [])
        if not mine or detected >= mine[-1][1]:
            mine.append((detected, end))
    return {account: [detected for detected, _ in episodes] for account, episodes in told.items()}


def write_results(gauge, detected, path):
    # An alarm is certain at the end of a minute: it belongs to the row that held then.
    rows = {bisect_right(gauge.minutes, minute - 1) - 1 for minute in detected}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as out:
        out.write("timestamp,anomaly_score\n")
        out.writelines(f"{text},{int(row in rows)}\n" for row, text in enumerate(gauge.timestamps))


def section(bench, python, trailpulse, work):
    """The scores as a section of the report."""
    data = bench / "nab"
    if not data.exists():
        return "Not here: the benchmark's folder has no `nab/`.\n"
    files = sorted(json.loads((data / "labels/combined_windows.json").read_text()))
    gauges = {str(100_000_000_000 + index): Gauge(data / "data" / file) for index, file in enumerate(files)}
    folder = work / "nab"
    folder.mkdir(parents=True, exist_ok=True)
    write_counts(gauges, folder / "counts.csv")
    model = Path(__file__).parent / "nab.toml"
    subprocess.run([trailpulse, "scan", "--quiet", folder / "counts.csv", "--out", folder / "out", "--model", model], check=True,
                   stdout=subprocess.DEVNULL)
    found = alarms(folder / "out/insights.jsonl")
    for file, (account, gauge) in zip(files, gauges.items()):
        write_results(gauge, found.get(account, []), folder / "results" / file)
    scores = folder / "scores.json"
    subprocess.run([python, bench / "nab_score.py", "--nab", data, "--results", folder / "results", "--threshold", "0.5", "--json",
                    scores], check=True, stdout=subprocess.DEVNULL)
    ours = json.loads(scores.read_text())["results"]
    standard = ours["standard"]
    rows = [("**trailpulse**", tuple(round(ours[profile]["score"], 1) for profile in PROFILES)), *PUBLISHED.items()]
    rows.sort(key=lambda row: -row[1][0])
    lines = "".join(f"| {name} | " + " | ".join(f"{score:.1f}" for score in scores) + " |\n" for name, scores in rows)
    return (f"{standard['windows_hit']} of {standard['windows']} windows found, {standard['fp_rows']} rows of "
            f"{sum(len(gauge.values) for gauge in gauges.values()):,} falsely alarmed. The alarms are the model's; nothing is "
            "swept or set by file. But the model is one for gauges, `benches/accuracy/nab.toml`, whose parameters were chosen on "
            "NAB itself, as the thresholds of the published detectors were; `benches/accuracy/nab.py` says how values become "
            "counts. Published scores are those of NAB's repository.\n\n"
            "| | standard | low false positives | low false negatives |\n| :-- | --: | --: | --: |\n" + lines)
