#!/usr/bin/env python3
"""A benchmark of labelled counts -> reports/accuracy.md: models, frontier, common methods, layers, generated trees, NAB.

    benches/accuracy/run.py --bench DIR [--seeds 2,4,6,8,10,12] [--some-seeds 2,4] [--method-seeds 2]

DIR (or TRAILPULSE_BENCH) holds the benchmark: ctexport.py, run_bench.py and, for NAB, nab_score.py and nab/. Where there
is none, this says so and ends well: nothing in trailpulse depends on it. Python packages are set up below target/.
Data and what the common methods found stay in target/accuracy/ for the next run. Python 3.11, standard library only.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nab

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target/accuracy"
MODELS = ["default", "sensitive", "quiet", "aws-like"]
# What run_bench.py calls them, and what people do; rcf5 and dspot need a package of their own.
METHODS = {
    "zscore7d": "z-score against the 7-day mean",
    "ewma3sigma": "EWMA, 3 sigma",
    "median_mad": "median and MAD",
    "poisson7d": "Poisson tail against the 7-day mean",
    "nb_same_time": "negative binomial, same time of day",
    "s_h_esd": "S-H-ESD, 5 min",
    "farrington15": "Farrington, 15 min",
    "dspot": "DSPOT",
    "rcf5": "random cut forest (AWS), 5 min",
    "record28": "2.5 times the largest of 28 days",
    "ref": "the benchmark's reference detector",
}
# Thresholds that people use, as baselines.py has them, and that of record28 in the benchmark's table.
USUAL = {"zscore7d": 3.0, "ewma3sigma": 3.0, "median_mad": 3.5, "poisson7d": 6.0, "nb_same_time": 6.0, "s_h_esd": 4.0,
         "farrington15": 2.58, "dspot": 4.0, "rcf5": 1.5, "record28": 2.5, "ref": 0.0}
# What all of a model's thresholds are scaled by to draw its frontier.
STRICTNESS = [0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.8, 2.2]
# False alarms by 1,000 series-days that somebody may bear.
BUDGETS = [0.5, 1.0, 2.0, 5.0, 20.0, 100.0]
TREES = [2, 4, 6, 8]


def run(*command, **options):
    """Runs a command to its end, and gives what it printed."""
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def python():
    """A Python with what the benchmark needs, set up below target/ on first use."""
    path = WORK / "python/bin/python"
    if not path.exists():
        print("setting up", path.parent.parent, file=sys.stderr)
        run(sys.executable, "-m", "venv", WORK / "python")
        run(path, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "numpy==2.4.*", "scipy", "numba")
    for package in ("krcf", "libspot"):
        # They are compiled and not to be had everywhere; their methods are left out then.
        if subprocess.run([path, "-c", f"import {package}"], stderr=subprocess.DEVNULL).returncode:
            subprocess.run([path, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package])
    return path


class Bench:
    """The benchmark's data sets, and what is run on them."""

    def __init__(self, arguments):
        self.folder, self.seeds, self.jobs = arguments.bench, arguments.seeds, arguments.jobs
        self.some = [seed for seed in arguments.some_seeds if seed in arguments.seeds]
        self.trailpulse, self.python = arguments.trailpulse, python()

    def data(self, seed):
        """The folder with counts and labels of a seed, generated on first use."""
        folder = WORK / f"s{seed}"
        if not (folder / "labels.json").exists():
            run(self.python, self.folder / "ctexport.py", "table", "--seed", seed, "--n", 600, "--format", "trailpulse",
                "--out", folder, env=self.environment())
        return folder

    def environment(self):
        return dict(os.environ, CTBENCH_CACHE=str(WORK / "cache"), PYTHONDONTWRITEBYTECODE="1")

    def evaluate(self, models, seeds=None):
        """Figures of each model: the pool of all seeds, and in `sets` each seed."""
        pairs = [part for seed in seeds or self.seeds
                 for part in ("--counts", self.data(seed) / "counts.csv.gz", "--labels", self.data(seed) / "labels.json")]
        asked = [part for model in models for part in ("--model", model)]
        return json.loads(run(self.trailpulse, "evaluate", "--quiet", "--format", "json", *pairs, *asked))

    def method(self, name, seed):
        """Figures of a common method at each of its thresholds; `None` where its package is not there."""
        found = WORK / f"methods/{name}-{seed}.json"
        if not found.exists():
            found.parent.mkdir(parents=True, exist_ok=True)
            fresh = found.with_suffix(".tmp")
            ended = subprocess.run([self.python, self.folder / "run_bench.py", "--seeds", str(seed), "--n", "600", "--det",
                                    name, "--json", fresh], env=self.environment(), stdout=subprocess.DEVNULL)
            if ended.returncode:
                return None
            fresh.rename(found)
        return {float(key.partition("@")[2]): figures for key, figures in json.loads(found.read_text()).items()}


def pool(sets):
    """The figures of several sets together, as ctscore.merge pools them."""
    out = {key: sum(one[key] for one in sets) for key in ("required", "tp", "fp", "dups", "series_days")}
    out["precision"] = out["tp"] / max(1, out["tp"] + out["fp"])
    out["recall"] = out["tp"] / max(1, out["required"])
    out["f1"] = 2 * out["precision"] * out["recall"] / max(1e-12, out["precision"] + out["recall"])
    out["fa_per_1000_series_days"] = 1000 * out["fp"] / out["series_days"]
    for key in ("delay_median", "delay_p90"):
        known = [one[key] for one in sets if one[key] is not None]
        out[key] = sum(known) / len(known) if known else None
    return out


def number(value, digits):
    return "–" if value is None else f"{value:,.{digits}f}"


def row(name, figures):
    """One line of a table of figures, below `FIGURES`."""
    return [name, number(figures["f1"], 3), number(figures["precision"], 3), number(figures["recall"], 3),
            number(figures["fa_per_1000_series_days"], 2), figures["dups"], number(figures["delay_median"], 1),
            number(figures["delay_p90"], 0)]


FIGURES = ["", "F1", "precision", "recall", "false alarms", "repeated", "delay, median", "delay, 90 %"]


def table(titles, rows):
    """A table; names to the left, numbers to the right."""
    lines = [titles, [":--"] + ["--:"] * (len(titles) - 1), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def overlay(name, changes):
    """A model file with these changes, by table and key."""
    path = WORK / f"models/{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"[{group}]\n" + "".join(f"{key} = {value!r}\n" for key, value in keys.items())
                            for group, keys in changes.items()))
    return path


def stricter(factor):
    """The default model with every threshold of a line scaled by `factor`; probabilities in their exponent."""
    default = tomllib.loads((ROOT / "models/default.toml").read_text())
    value = lambda group, key: float(default[group][key])
    return overlay(f"strict-{factor}", {
        "contextual": {"z": max(2.0, factor * value("contextual", "z")), "excess": factor * value("contextual", "excess")},
        "record": {"alpha": min(0.1, max(1e-12, 10 ** (factor * math.log10(value("record", "alpha"))))),
                   "excess": factor * value("record", "excess")},
        "first_seen": {"calls": max(1.0, factor * value("first_seen", "calls"))},
        "drop": {"z": max(2.0, factor * value("drop", "z"))},
        "errors": {"excess": factor * value("errors", "excess")},
    })


def models(found):
    default = found[0]
    kinds = [[kind, one["required"], number(one["recall"], 2), number(one["delay_median"], 0)]
             for kind, one in default["by_kind"].items()]
    families = [[family, one["required"], number(one["recall"], 2), one["fp"], number(one["fa_per_1000_series_days"], 2)]
                for family, one in default["by_family"].items()]
    causes = ", ".join(f"{cause} {alarms}" for cause, alarms in default["fp_cause"].items())
    return (f"{default['required']} anomalies in {default['series_days']:,.0f} series-days. False alarms by 1,000 "
            "series-days; delays in minutes, from an anomaly's first minute.\n\n"
            + table(FIGURES, [row(one["model"], one) for one in found])
            + f"\nThe default model: false alarms {number(default['fa_rate'], 2)} of call rates and "
            f"{number(default['fa_error'], 2)} of error rates; start off by {number(default['start_err_median'], 1)} and end "
            f"by {number(default['end_err_median'], 1)} minutes in the median; F1 by seed "
            + ", ".join(number(one["f1"], 3) for one in default["sets"]) + ".\n\n"
            + table(["kind", "anomalies", "recall", "delay, median"], kinds) + "\n"
            + table(["family", "anomalies", "recall", "false alarms", "by 1,000 series-days"], families)
            + f"\nFalse alarms by what was going on: {causes}.\n")


def frontier(bench, found, chosen, seeds):
    scaled = bench.evaluate([stricter(factor) for factor in STRICTNESS], bench.some)
    of_seeds = lambda one, among: pool([one["sets"][among.index(seed)] for seed in seeds])
    points = {"trailpulse, thresholds scaled": {factor: of_seeds(one, bench.some) for factor, one in zip(STRICTNESS, scaled)}}
    named = {f"trailpulse, {one['model']}": of_seeds(one, bench.seeds) for one in found}
    usual = [row(name, one) for name, one in named.items()]
    with ThreadPoolExecutor(bench.jobs) as workers:
        grid = {name: list(workers.map(lambda seed: bench.method(name, seed), seeds)) for name in chosen}
    for name, sets in grid.items():
        if any(one is None for one in sets):
            usual.append([METHODS[name]] + ["not installed"] + [""] * (len(FIGURES) - 2))
            continue
        points[METHODS[name]] = {threshold: pool([one[threshold] for one in sets]) for threshold in sets[0]}
        usual.append(row(f"{METHODS[name]} (at {USUAL[name]:g})", points[METHODS[name]][USUAL[name]]))
    best = []
    for name, curve in points.items():
        threshold, figures = max(curve.items(), key=lambda point: point[1]["f1"])
        within = lambda budget: [one["recall"] for one in curve.values() if one["fa_per_1000_series_days"] <= budget]
        best.append([name, f"{figures['f1']:.3f} (at {threshold:g})"]
                    + [number(max(within(budget), default=None), 2) for budget in BUDGETS])
    return (f"Seeds {listed(seeds)}. Each method at the threshold that people use, and then at every threshold of a sweep: "
            "its best F1 *on these very seeds*, and the most it finds within a budget of false alarms.\n\n"
            + table(FIGURES, usual) + "\n"
            + table(["recall within so many false alarms by 1,000 series-days", "best F1"] + [f"{budget:g}" for budget in BUDGETS],
                    best)
            + f"\ntrailpulse's own frontier, all thresholds of the default model scaled, seeds {listed(bench.some)}:\n\n"
            + table(["strictness"] + FIGURES[1:], [row(f"{factor:g}", one) for factor, one in zip(STRICTNESS, scaled)]))


def layers(bench):
    wanted = tomllib.loads((Path(__file__).parent / "layers.toml").read_text())
    without = [overlay(f"layer-{index}", changes) for index, changes in enumerate(wanted.values())]
    default, *found = bench.evaluate(["default", *without], bench.some)
    rows = [row("everything on", default)[:6] + [""]]
    for layer, one in zip(wanted, found):
        rows.append(row(layer, one)[:6] + [f"{one['f1'] - default['f1']:+.3f}"])
    return ("Each layer alone switched off, by the parameters in `benches/accuracy/layers.toml`; the rest as in the default "
            f"model, nothing tuned again; seeds {listed(bench.some)}.\n\n" + table(["without"] + FIGURES[1:6] + ["F1 changes by"], rows))


def trees(trailpulse):
    rows, missed = [], []
    for seed in TREES:
        folder = WORK / f"tree{seed}"
        if not (folder / "labels.json").exists():
            run(trailpulse, "generate", "--quiet", "--seed", seed, "--records", 200_000, "--wait", 60, "--out", folder)
        (one,) = json.loads(run(trailpulse, "evaluate", "--quiet", "--format", "json", "--counts", folder, "--labels",
                                folder / "labels.json"))
        rows.append([seed, one["required"], one["tp"], one["fp"], number(one["series_days"], 0), one["ignored"],
                     number(one["delay_median"], 1), number(one["delay_p90"], 0)])
        missed += [f"{incident} (seed {seed})" for incident in one["sets"][0]["missed"]]
    return ("`trailpulse generate --records 200000`, 35 days, default model; a series is an API, or an error code of one.\n\n"
            + table(["seed", "incidents", "found", "false alarms", "series-days", "neither", "delay, median", "delay, 90 %"], rows)
            + (f"\nMissed: {', '.join(missed)}.\n" if missed else ""))


def listed(seeds):
    return ", ".join(str(seed) for seed in seeds)


def parsed():
    numbers = lambda text: [int(part) for part in text.split(",")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=os.environ.get("TRAILPULSE_BENCH"), metavar="DIR")
    parser.add_argument("--seeds", type=numbers, default=[2, 4, 6, 8, 10, 12], metavar="N,N")
    parser.add_argument("--some-seeds", type=numbers, default=[2, 4], metavar="N,N", help="for the frontier and the layers")
    parser.add_argument("--method-seeds", type=numbers, default=[2], metavar="N,N", help="some of --seeds: the forest takes half an hour for each")
    parser.add_argument("--methods", default=",".join(METHODS), help="of: " + ", ".join(METHODS))
    parser.add_argument("--trailpulse", type=Path, help="the program; built where not given")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=ROOT / "reports/accuracy.md")
    return parser.parse_args()


def main():
    arguments = parsed()
    if not arguments.bench or not (arguments.bench / "run_bench.py").exists():
        print("skipped: no benchmark here; give its folder with --bench or TRAILPULSE_BENCH", file=sys.stderr)
        return
    if not arguments.trailpulse:
        run("cargo", "build", cwd=ROOT)
        arguments.trailpulse = ROOT / "target/debug/trailpulse"
    WORK.mkdir(parents=True, exist_ok=True)
    bench = Bench(arguments)
    found = bench.evaluate(MODELS)
    seeds = [seed for seed in arguments.method_seeds if seed in bench.some]
    sections = {
        "Models": lambda: models(found),
        "Beside the common methods": lambda: frontier(bench, found, arguments.methods.split(","), seeds),
        "What each layer is worth": lambda: layers(bench),
        "Generated trees": lambda: trees(arguments.trailpulse),
        "NAB": lambda: nab.section(arguments.bench, bench.python, arguments.trailpulse, WORK),
    }
    report = (f"# Accuracy\n\nMade by `benches/accuracy/run.py --bench DIR --seeds {listed(arguments.seeds).replace(' ', '')}`; "
              f"model `default` {found[0]['model_digest']}, seeds {listed(arguments.seeds)}. Tuned on odd seeds, reported on "
              "even ones.\n")
    for title, section in sections.items():
        print("making:", title, file=sys.stderr)
        report += f"\n## {title}\n\n{section()}"
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(report)
    print("wrote", arguments.out, file=sys.stderr)


if __name__ == "__main__":
    main()
