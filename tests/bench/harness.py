"""
Times contenders side by side, and says how far each is from a floor.

A shared machine is fast in one second and slow in the next. So no number stands alone: all
contenders run in one process, in turns, and what is judged is the ratio to a floor (the least that
could do the work, or a peer) of the same run. The minimum over the rounds estimates the cost, since
noise only adds (J. Chen, J. Revels, "Robust benchmarking in noisy environments", 2016, section 3);
the median is what a caller may expect.

A benchmark is a file `bench_<subject>.py` whose `main` calls `compare`; `python -m bench.<file>`
with `tests` on the path prints its table, and with `--check` fails when a limit is far exceeded.
"""

import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter_ns

from attrs import frozen

__all__ = ["FAR", "Timing", "compare", "over", "table", "time_in_bursts", "time_in_turns"]

#: A limit is far exceeded at this multiple of it; less may be the machine.
FAR = 2.0

#: How long one round of one contender lasts, about: long against the timer's 100 ns, short against
#: the seconds over which a machine drifts.
ROUND_NS = 10_000_000


@frozen
class Timing:
    """What one call of a contender took, in nanoseconds, over the rounds."""

    minimum: float
    median: float


def time_in_turns(
    contenders: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 21,
    timer: Callable[[], int] = perf_counter_ns,
) -> dict[str, Timing]:
    """
    Time each contender once a round, in turns.

    Calls are timed in batches of a size found beforehand, which also warms caches up. The garbage
    collector is off meanwhile, as in `timeit`.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        sizes = {name: _batch_size(call, timer) for name, call in contenders.items()}
        laps: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, call in contenders.items():
                laps[name].append(_lap(call, sizes[name], timer) / sizes[name])
            gc.collect()
    finally:
        if collects:
            gc.enable()
    return {name: Timing(min(times), median(times)) for name, times in laps.items()}


def time_in_bursts(
    contenders: Mapping[str, Callable[[], object]],
    *,
    between: Callable[[], object],
    bursts: int = 60,
    calls: int = 40,
    timer: Callable[[], int] = perf_counter_ns,
) -> dict[str, Timing]:
    """
    Time single calls, in bursts with a pause between: what a caller waits for, and nobody else.

    Args:
        between: runs before each burst, untimed; lets what works in the background finish.
    """
    waits: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(bursts):
        for name, call in contenders.items():
            between()
            waits[name] += [_lap(call, 1, timer) for _ in range(calls)]
    return {name: Timing(min(times), median(times)) for name, times in waits.items()}


def _lap(call: Callable[[], object], calls: int, timer: Callable[[], int]) -> int:
    """How long so many calls take, in nanoseconds."""
    start = timer()
    for _ in range(calls):
        call()
    return timer() - start


def _batch_size(call: Callable[[], object], timer: Callable[[], int]) -> int:
    """The number of calls, a power of two, that fills a round."""
    calls = 1
    while _lap(call, calls, timer) < ROUND_NS:
        calls *= 2
    return calls


def table(title: str, timings: Mapping[str, Timing], floor: str) -> str:
    """Lay the timings out, with the ratio of their minima to the floor's."""
    width = max(len(title), *map(len, timings))
    lines = [f"{title:<{width}}  {'min µs':>10}  {'median µs':>10}  {'× floor':>8}"]
    for name, timing in timings.items():
        ratio = timing.minimum / timings[floor].minimum
        lines.append(
            f"{name:<{width}}  {timing.minimum / 1e3:>10.2f}  {timing.median / 1e3:>10.2f}"
            f"  {ratio:>8.2f}"
        )
    return "\n".join(lines)


def over(timings: Mapping[str, Timing], floor: str, at_most: Mapping[str, float]) -> list[str]:
    """Say which contenders are far over the multiple of the floor that they should keep to."""
    ratios = {name: timings[name].minimum / timings[floor].minimum for name in at_most}
    return [
        f"{name} takes {ratios[name]:.1f} times {floor}; its limit is {limit:g}"
        for name, limit in at_most.items()
        if ratios[name] > FAR * limit
    ]


def compare(
    title: str,
    contenders: Mapping[str, Callable[[], object]],
    *,
    floor: str,
    at_most: Mapping[str, float],
    between: Callable[[], object] | None = None,
    arguments: Sequence[str] | None = None,
) -> None:
    """
    Time the contenders and print how they stand to the contender named as the floor.

    `at_most` gives limits as multiples of the floor; `between` has single calls timed, in bursts;
    `arguments` default to the command line's.

    Raises:
        SystemExit: `--check` was given, and a limit is far exceeded.
    """
    timings = (
        time_in_turns(contenders)
        if between is None
        else time_in_bursts(contenders, between=between)
    )
    print(table(title, timings, floor))
    broken = over(timings, floor, at_most)
    if broken and "--check" in (sys.argv[1:] if arguments is None else arguments):
        raise SystemExit("\n".join(broken))
