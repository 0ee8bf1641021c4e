"""A command -> its CPU time, wall time and peak memory, by the operating system's own accounting."""
import os, resource, subprocess, sys, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "target" / "side-by-side"
SMALL = "--small" in sys.argv[1:]
BINARY = ROOT / "target" / ("debug" if SMALL else "release") / "trailpulse"


def measured(command, out=os.devnull):
    """CPU seconds and wall seconds of a command and its children, peak megabytes of the largest of them."""
    begun = time.monotonic()
    with open(out, "wb") as stdout:
        process = subprocess.Popen(["time", "-f", "%U %S %M", "-o", WORK / "time", *map(str, command)], stdout=stdout)
        if process.wait() not in (0, 3):
            sys.exit(f"{command[0]} failed")
    user, system, peak = (WORK / "time").read_text().split()[-3:]
    return float(user) + float(system), time.monotonic() - begun, int(peak) / 1024


def precise(command, runs=5):
    """The least CPU seconds of some runs, for what is short: to the microsecond, where `measured` has hundredths."""
    def once():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return min(once() for _ in range(runs))


def in_turn(commands, runs):
    """The medians of each command's figures. All run once, then all again: what else the machine does hits all."""
    rounds = [[measured(command, out) for command, out in commands] for _ in range(runs)]
    return [[sorted(figure)[runs // 2] for figure in zip(*figures)] for figures in zip(*rounds)]


def least_wall(command, runs):
    """The shortest wall time of some runs: what the command takes where nobody else wants the machine."""
    return min(measured(command)[1] for _ in range(runs))
