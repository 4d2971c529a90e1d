"""Run the benchmarks: each line is a ratio of two things measured side by side in this run.

python -m benchmarks [variance attack stages ranking search workflow memory] [--out results/benchmarks.json]
"""

import argparse
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from cvpire.provenance import facts, provenance

from benchmarks.machine import peaks
from benchmarks.suites import SUITES, run
from benchmarks.timing import Line, Share


def main() -> None:
    """Run the suites asked for, print a table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", default=SUITES, metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks.json"))
    arguments = parser.parse_args()
    if unknown := set(arguments.suites) - set(SUITES):
        parser.error(f"no suite {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    machine = {**facts(provenance({}, {}, {}, {})), "cores": os.cpu_count(), **peaks()}
    print("".join(f"{name}: {value}\n" for name, value in machine.items()))
    print(f"{'what':<62}{'seconds':>10}  {'beside':<32}{'seconds':>10}{'ratio':>10}  {'goal':<9}{'met':<4}device")
    written: list[dict] = []
    for suite in arguments.suites:
        # Its memory goes with it; an executor's process, unlike a pool's, may start others.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            lines = process.submit(run, suite).result()
        for line in lines:
            if isinstance(line, Line):
                print(as_text(line), flush=True)
                written.append({"suite": suite, **line._asdict(), "met": line.met})
            elif isinstance(line, Share):
                beside = "" if line.reference_percent is None else f"{line.reference_percent:.1f}%"
                print(f"{line.what:<62}{line.percent:>9.1f}%  {line.reference:<32}{beside:>10}", flush=True)
                written.append({"suite": suite, **line._asdict()})
            else:
                name, megabytes, seconds = line
                peak = f"{megabytes:,.0f} MB at most" if seconds else f"killed; {megabytes:,.0f} MB were not enough"
                print(f"{name:<62}{seconds or 0:>10.3g}  {peak}", flush=True)
                written.append({"suite": suite, "what": name, "seconds": seconds, "megabytes": megabytes})
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"machine": machine, "lines": written}, indent=1) + "\n")
    missed = [line["what"] for line in written if line.get("met") is False]
    print(f"\n{len(missed)} goals missed{': ' if missed else ''}{'; '.join(missed)}. Written to {arguments.out}.")


def as_text(line: Line) -> str:
    """One row of the table."""
    beside = "" if line.reference_seconds is None else f"{line.reference_seconds:.3g}"
    ratio = "" if line.ratio is None else f"{line.ratio:.3g}"
    met = {True: "yes", False: "NO", None: ""}[line.met]
    return (
        f"{line.what:<62}{line.seconds:>10.3g}  {line.reference:<32}{beside:>10}{ratio:>10}  {line.goal:<9}{met:<4}"
        f"{line.device}"
    )


if __name__ == "__main__":
    main()
