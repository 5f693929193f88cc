"""
What the service counts, as Prometheus reads it.

Nothing names a tenant, a key or a subject, for whoever watches a service need not know whom it
serves. Each worker process counts for itself and says which it is.

Source: Prometheus, "Exposition formats", text format 0.0.4.
"""

import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping

__all__ = ["MEDIA_TYPE", "Histogram", "expose"]

MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

#: Upper bounds of the histogram's buckets, in seconds.
BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Histogram:
    """How long something took, in seconds."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds

    def add(self, other: "Histogram") -> None:
        """Count what another one has counted."""
        self.counts = [
            mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)
        ]
        self.sum += other.sum

    def lines(self, name: str, labels: str) -> Iterator[str]:
        """Write it; buckets are cumulative."""
        total = 0
        for bound, count in zip((*BOUNDS, "+Inf"), self.counts, strict=True):
            total += count
            yield f'{name}_bucket{{{labels},le="{bound}"}} {total}'
        yield f"{name}_sum{{{labels}}} {self.sum:.9g}"
        yield f"{name}_count{{{labels}}} {total}"


def expose(
    *,
    requests: Mapping[tuple[str, int], int],
    items: Mapping[tuple[str, str], int],
    losses: Mapping[str, int],
    unknown: Mapping[str, int],
    pending: int,
    decide: Histogram,
) -> bytes:
    """
    Write all figures.

    Args:
        requests: by route and status.
        items: facts that were brought, by kind and result.
        losses: facts that were lost or refused after they were taken, by cause.
        unknown: fields of documents that this version does not know, by the kind of document.
        pending: decisions that were made and whose records are not in the store yet.
        decide: how long deciding took.
    """
    worker = f'worker="{os.getpid()}"'
    lines = [
        *_counter(
            "clew_requests_total",
            "Requests that were answered.",
            {
                f'{worker},route="{route}",status="{status}"': count
                for (route, status), count in requests.items()
            },
        ),
        *_counter(
            "clew_items_total",
            "Facts that were brought.",
            {
                f'{worker},kind="{kind}",result="{result}"': count
                for (kind, result), count in items.items()
            },
        ),
        *_counter(
            "clew_losses_total",
            "Facts that were lost or refused after they were taken.",
            {f'{worker},cause="{cause}"': count for cause, count in losses.items()},
        ),
        *_counter(
            "clew_unknown_fields_total",
            "Fields that this version does not know: they were kept, and have no effect.",
            {f'{worker},document="{kind}"': count for kind, count in unknown.items()},
        ),
        *_head(
            "clew_pending", "Records of decisions that are on disk and not stored yet.", "gauge"
        ),
        f"clew_pending{{{worker}}} {pending}",
        *_head("clew_decide_seconds", "How long deciding took.", "histogram"),
        *decide.lines("clew_decide_seconds", worker),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _counter(name: str, what: str, values: Mapping[str, int]) -> Iterator[str]:
    yield from _head(name, what, "counter")
    for labels in sorted(values):
        yield f"{name}{{{labels}}} {values[labels]}"


def _head(name: str, what: str, kind: str) -> Iterable[str]:
    return f"# HELP {name} {what}", f"# TYPE {name} {kind}"
