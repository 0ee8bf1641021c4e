"""A command -> its CPU time, wall time and peak memory, by the operating system's own accounting."""
import os, resource, subprocess, sys, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "target" / "side-by-side"
SMALL = "--small" in sys.argv[1:]
BINARY = ROOT / "target" / ("debug" if SMALL else "release") / "trailpulse"


def measured(command, out=os.devnull):
    """CPU seconds and wall seconds of a command and its children, peak megabytes of the largest of them."""
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(out, "wb") as stdout:
        # Only `time` tells the command's memory from that of this process, which the command begins as.
        process = subprocess.Popen(["time", "-f", "%M", "-o", WORK / "time", *map(str, command)], stdout=stdout)
        if process.wait() not in (0, 3):
            sys.exit(f"{command[0]} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - begun, int((WORK / "time").read_text().split()[-1]) / 1024


def least(commands, runs):
    """Of each command the least of its figures, each. All run once, then all again: what else the machine does only
    ever adds."""
    rounds = [[measured(command) for command in commands] for _ in range(runs)]
    return [[min(figure) for figure in zip(*figures)] for figures in zip(*rounds)]


def in_turn(commands, runs):
    """The medians of each command's figures. All run once, then all again: what else the machine does hits all."""
    rounds = [[measured(command, out) for command, out in commands] for _ in range(runs)]
    return [[sorted(figure)[runs // 2] for figure in zip(*figures)] for figures in zip(*rounds)]
