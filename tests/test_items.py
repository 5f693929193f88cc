"""Facts as bytes."""

import tracemalloc

import orjson

from clew.items import encoded


def test_many_that_wait_take_little_more_memory_than_they_have_bytes():
    """A thousand encoded facts take about as much as they are long, though orjson reserves more."""
    item = {"signal": {"id": "s-1", "data": {"text": "x" * 100}}}
    tracemalloc.start()
    try:
        held = [encoded(item) for _ in range(1_000)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held[0] == orjson.dumps(item)
    assert taken < 2 * sum(map(len, held))
