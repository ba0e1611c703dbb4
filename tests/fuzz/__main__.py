"""Send generated requests: most to the application in this process, some over HTTP to a deployed stack.

python -m tests.fuzz --requests 100000 --seed 1
python -m tests.fuzz --chapter 17 --seed 1       # the requests of one chapter again, in this process only
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.fuzz.growth import Growth, measure
from tests.fuzz.platform import platform
from tests.fuzz.request import Request
from tests.fuzz.session import Figures, Finding, run

CHAPTER = 2_500
"""Requests to one account: the next chapter begins with an empty one, so that each can be had again by itself."""
OVER_HTTP = 0.05
SHOWN = 10
WARM = 300
"""Requests whose time does not count: the first of each model builds it."""


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000, help="how many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chapter", type=int, help="one chapter only")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    parser.add_argument("--no-http", action="store_true", help="leave the deployed stack out")
    options = parser.parse_args()
    if options.chapter is not None:
        return _tell_findings(_chapter((options.seed, options.chapter, CHAPTER)).findings)
    over_http = 0 if options.no_http else round(options.requests * OVER_HTTP)
    findings = _in_process(options.seed, options.requests - over_http, options.jobs)
    findings += _growth(options.seed)
    if over_http:
        findings += _over_http(options.seed, over_http)
    return _tell_findings(findings)


def _chapter(chapter: tuple[int, int, int]) -> Figures:
    seed, number, count = chapter
    with platform(seed) as warm:
        run(warm, seed, WARM)
    with platform(seed) as application:
        return run(application, seed * 1_000_000 + number, count)


def _in_process(seed: int, count: int, jobs: int) -> list[Finding]:
    chapters = [(seed, at, min(CHAPTER, count - at * CHAPTER)) for at in range(-(-count // CHAPTER))]
    total, begun = Figures(), time.monotonic()
    with multiprocessing.Pool(jobs, maxtasksperchild=8) as pool:
        for figures in pool.imap(_chapter, chapters):
            total.add(figures)
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{total.requests} of {count}, {len(total.findings)} findings ")
    for line in _lines(total, time.monotonic() - begun):
        sys.stdout.write(f"{line}\n")
    return total.findings


def _lines(figures: Figures, seconds: float) -> Iterator[str]:
    yield f"In process: {figures.requests} requests in {seconds:.0f} s ({figures.requests / seconds:.0f} a second)"
    yield f"  {figures.refused} refused, {figures.writes} items written by the others"
    yield f"  {_statuses(figures.statuses)}"
    yield "  the slowest routes, in milliseconds of the processor:     median     99 %  longest"
    times = {name: sorted(found) for name, found in figures.times.items()}
    for name, found in sorted(times.items(), key=lambda entry: -entry[1][len(entry[1]) * 99 // 100])[:SHOWN]:
        middle, most, last = (found[at] * 1000 for at in (len(found) // 2, len(found) * 99 // 100, -1))
        yield f"    {name:52s} {middle:8.2f} {most:8.2f} {last:8.2f}"


def _growth(seed: int) -> list[Finding]:
    with platform(seed) as application:
        found = sorted(measure(application), key=lambda growth: -growth.times[-1][1])
    sys.stdout.write(f"Growth: {len(found)} shapes of requests, each in sizes that double\n")
    for growth in found[:SHOWN]:
        size, seconds = growth.times[-1]
        sys.stdout.write(f"    {growth.name:58s} {size:8d} bytes {seconds * 1000:8.1f} ms, power {growth.power:.1f}\n")
    return [_steep(growth) for growth in found if growth.is_steep]


def _steep(growth: Growth) -> Finding:
    times = ", ".join(f"{size}: {seconds * 1000:.1f} ms" for size, seconds in growth.times)
    return Finding("time grows with the size, not faster", times, Request("-", growth.name, "/"))


def _over_http(seed: int, count: int) -> list[Finding]:
    # What needs no stack shall not pay for its imports, nor fail for them.
    from tests.deployed import PARAMETERS  # noqa: PLC0415 - see above
    from tests.e2e.own_stack import own_stack  # noqa: PLC0415 - see above
    from tests.fuzz import deployed  # noqa: PLC0415 - see above

    with own_stack("fuzz", PARAMETERS) as stack:
        begun = time.monotonic()
        figures = deployed.run(stack, seed, count)
    seconds = time.monotonic() - begun
    sys.stdout.write(
        f"Over HTTP: {figures.requests} requests and {figures.malformed} that are none in {seconds:.0f} s\n"
    )
    sys.stdout.write(f"  {_statuses(figures.statuses)} (0: closed without an answer)\n")
    sys.stdout.write(f"  {figures.refused_again} refused ones sent again: {figures.items} items before and after\n")
    for name, (took, again) in sorted(figures.slowest.items(), key=lambda entry: -entry[1][0])[:5]:
        sys.stdout.write(f"    {name:40s} {took * 1000:8.0f} ms  {again[:100]}\n")
    return figures.findings


def _statuses(statuses: Counter[int]) -> str:
    return ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))


def _tell_findings(findings: list[Finding]) -> int:
    sys.stdout.write(f"Findings: {len(findings)}\n")
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        kinds.setdefault((finding.rule, finding.request.route), []).append(finding)
    for (rule, route), found in list(kinds.items())[:SHOWN]:
        first = found[0]
        sys.stdout.write(f"\n{len(found)} times: {rule} ({route})\n  {first.what}\n  {first.request.curl()}\n")
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
