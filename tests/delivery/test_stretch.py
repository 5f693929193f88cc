"""Records are handled together, and any of them can be told from the others."""

from hypothesis import given
from hypothesis import strategies as st

from clew.delivery.stretch import Batch, Stretch


@st.composite
def batches(draw):
    """A batch of some stretches, each in a file of its own or in memory alone."""
    stretches, ticket = [], 0
    for number, sizes in enumerate(draw(st.lists(st.lists(st.integers(1, 9), min_size=1)))):
        start = end = draw(st.integers(0, 50))
        entries = []
        for size in sizes:
            end += size
            entries.append((b"%d" % (ticket + len(entries)), float(size), end))
        segment = draw(st.sampled_from([None, f"file {number}"]))
        stretches.append(Stretch(ticket, segment, start, entries))
        ticket += len(entries)
    return Batch(stretches)


def places(batch):
    """The bytes on disk that its records have."""
    return {(segment, byte) for segment, start, end in batch.extents for byte in range(start, end)}


@given(batches(), st.data())
def test_a_batch_is_parted_and_nothing_is_left_out(batch, data):
    """Those at some positions and the others are all of them, each once, in order, on disk too."""
    positions = data.draw(st.sets(st.integers(0, len(batch) - 1))) if batch else set()
    some = batch.only(positions)
    others = batch.without(some)
    everything = batch.payloads
    assert some.payloads == [everything[n] for n in sorted(positions)]
    assert others.payloads == [p for n, p in enumerate(everything) if n not in positions]
    assert [*map(int, others.payloads)] == list(others.tickets)
    assert len(some) + len(others) == len(batch)
    assert some.bare + others.bare == batch.bare
    assert places(some) | places(others) == places(batch)
    assert places(some).isdisjoint(places(others))


@given(batches(), st.data())
def test_a_stretch_is_cut_and_goes_on(batch, data):
    """What is cut off ends where the rest begins."""
    for stretch in batch._stretches:
        whole = stretch.part(0, len(stretch))
        head = stretch.cut(data.draw(st.integers(1, len(stretch))))
        assert head.entries + stretch.entries == whole.entries
        assert (head.ticket, head.start) == (whole.ticket, whole.start)
        assert (stretch.ticket, stretch.start) == (head.ticket + len(head), head.end)
        assert head.size + stretch.size == whole.size
        assert stretch.end == whole.end
