import tracemalloc

import pytest

from clew_edge.markup import Scanner, Slot, rewrite
from clew_edge.markup.elements import MAX_BEHIND
from clew_edge.markup.slots import MAX_DEFAULT, MAX_DEPTH, MAX_TAG


def filled(page: bytes, size: int = 10**9) -> bytes:
    chunks = [page[begin : begin + size] for begin in range(0, len(page), size)]
    return b"".join(rewrite(chunks, lambda name: name.upper().encode()))


def test_gives_a_slot_between_its_tags() -> None:
    """Both tags stay, and the slot is what is between them."""
    scanner = Scanner()
    assert scanner.feed(b"<p><clew-slot name=hero><b>x</b></clew-slot></p>") == [
        b"<p><clew-slot name=hero>",
        Slot("hero", b"<b>x</b>"),
        b"</clew-slot>",
        b"</p>",
    ]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        pytest.param(
            b"<clew-slot name=a>x</clew-slot >y<clew-slot name=b></clew-slot>",
            b"<clew-slot name=a>A</clew-slot >y<clew-slot name=b>B</clew-slot>",
            id="two",
        ),
        pytest.param(
            b"<clew-slot name=a>x<clew-slot name=b>y</clew-slot>z</clew-slot>",
            b"<clew-slot name=a>A</clew-slot>",
            id="the outer wins",
        ),
        pytest.param(
            b"<clew-slot>x<clew-slot name=b>y</clew-slot>z</clew-slot>",
            b"<clew-slot>x<clew-slot name=b>B</clew-slot>z</clew-slot>",
            id="the outer is none",
        ),
        pytest.param(
            b"<clew-slot name=a>x<clew-slot>y</clew-slot>z</clew-slot>",
            b"<clew-slot name=a>A</clew-slot>",
            id="an element without a name counts",
        ),
        pytest.param(
            b"<clew-slot name=a><script>'</clew-slot>'</script></clew-slot>",
            b"<clew-slot name=a>A</clew-slot>",
            id="end tag in a script",
        ),
        pytest.param(
            b"<clew-slot name=a><!-- </clew-slot> --><p title='</clew-slot>'></clew-slot>",
            b"<clew-slot name=a>A</clew-slot>",
            id="end tag in a comment and in a value",
        ),
        pytest.param(
            b"<clew-slot name=a><template></clew-slot></template></clew-slot>",
            b"<clew-slot name=a>A</clew-slot>",
            id="end tag in a template",
        ),
        pytest.param(
            b"</clew-slot><clew-slot name=a />x</clew-slot>",
            b"</clew-slot><clew-slot name=a />A</clew-slot>",
            id="end tag before it",
        ),
    ],
)
def test_fills_elements(page: bytes, expected: bytes) -> None:
    """A slot ends at the real end tag that is its own, however the page is cut."""
    assert filled(page) == filled(page, 1) == filled(page, 7) == expected


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(b"<clew-slot name=a>x", id="no end"),
        pytest.param(b"<clew-slot name=a />x", id="no element is empty by a slash"),
        pytest.param(b"<clew-slot name=a>x</clew-slot", id="half an end"),
        pytest.param(b"<div><clew-slot name=a>x</div><p>y", id="its parent ends"),
        pytest.param(b"<clew-slot name=a>x<clew-slot name=b>y</clew-slot>", id="half nested"),
        pytest.param(b"<clew-slot name=a>x<script></clew-slot>", id="script does not end"),
        pytest.param(b"<clew-slot name=a", id="half a tag"),
        pytest.param(b"<clew-slot name=a %b>x</clew-slot>" % (b"y" * MAX_TAG), id="long tag"),
        pytest.param(b"<clew-slot name=a>x</clew-slot %b>" % (b"y" * MAX_TAG), id="long end tag"),
        pytest.param(b"<!-- <clew-slot name=a>x</clew-slot> -->", id="in a comment"),
        pytest.param(b"<template><clew-slot name=a>x</clew-slot></template>", id="in a template"),
    ],
)
def test_lets_pass_what_is_no_slot(page: bytes) -> None:
    """What does not end, or not soon enough, goes out as it stood."""
    assert filled(page) == filled(page, 1) == filled(page, 7) == page


@pytest.mark.parametrize("size", [10**9, 1_000])
@pytest.mark.parametrize(("length", "is_slot"), [(MAX_DEFAULT, True), (MAX_DEFAULT + 1, False)])
def test_waits_for_so_much_default(length: int, size: int, *, is_slot: bool) -> None:
    """A default up to the bound makes a slot, a longer one passes as it stood."""
    page = b"<clew-slot name=a>%b</clew-slot>." % (b"x" * length)
    assert filled(page, size) == (b"<clew-slot name=a>A</clew-slot>." if is_slot else page)


@pytest.mark.parametrize("size", [10**9, 1_000, 65_536])
def test_goes_on_after_a_slot_that_was_given_up(size: int) -> None:
    """A slot that opens after one was given up is found, however the page is cut."""
    page = b"<clew-slot name=a>%b<clew-slot name=b>y</clew-slot></clew-slot>"
    long = page % (b"x" * (MAX_DEFAULT + 1))
    assert filled(long, size) == long.replace(b">y<", b">B<")


@pytest.mark.parametrize("size", [10**9, 1, 100])
def test_gives_up_slots_that_nest_too_deep(size: int) -> None:
    """Only so many slots are open at once, so the reading of defaults stays in proportion."""
    page = b"<clew-slot name=a>" * (MAX_DEPTH + 1) + b"x" + b"</clew-slot>" * (MAX_DEPTH + 1)
    assert filled(page, size) == page.replace(b"x", b"A")


def test_holds_nothing_but_a_default() -> None:
    """Tags, comments and scripts go out as they come, whole or not."""
    scanner = Scanner()
    for chunk in (b"<p><!-- a", b"--><scr", b"ipt></scr", b"ipt><clew-sl", b"ot name=", b"a>"):
        assert scanner.feed(chunk) == [chunk]
        assert scanner.is_holding is (chunk == b"a>")
    assert scanner.feed(b"x</clew-") == []
    assert scanner.feed(b"slot>y") == [Slot("a", b"x"), b"</clew-slot>", b"y"]


def test_keeps_the_default_of_a_released_slot() -> None:
    """A slot that is released goes out as it stood, and the page is read on."""
    scanner = Scanner()
    assert scanner.feed(b"<clew-slot name=a>x</clew-") == [b"<clew-slot name=a>"]
    assert scanner.is_holding
    assert scanner.release() == [b"x</clew-"]
    assert scanner.release() == []
    assert scanner.feed(b"slot><clew-slot name=b>y</clew-slot>") == [
        b"slot><clew-slot name=b>",
        Slot("b", b"y"),
        b"</clew-slot>",
    ]


def test_reads_late_what_it_left_unread() -> None:
    """Where a slot turns up, what stood in earlier chunks still counts."""
    scanner = Scanner()
    early = [b"<p>" * 1_000, b"<!-- comment ", b"goes on", b"<p>" * 1_000]
    assert [scanner.feed(chunk) for chunk in early] == [[chunk] for chunk in early]
    page = b"<clew-slot name=a>x</clew-slot>"
    assert scanner.feed(page) == [page]
    assert scanner.feed(b"-->" + page)[1:] == [Slot("a", b"x"), b"</clew-slot>"]


def test_finds_a_name_that_comes_in_pieces() -> None:
    """The name of the element wakes the reading even when it is cut."""
    page = b"<p>" * 50 + b"<CLEW-Slot name=a>x</CLEW-Slot>" + b"<p>" * 50
    assert filled(page, 1) == page.replace(b">x<", b">A<")


def test_ignores_elements_when_they_are_not_wanted() -> None:
    """Without markup, elements are no slots, and the page is still known to be at text or not."""
    scanner = Scanner(markup=False)
    page = b"<clew-slot name=a>x</clew-slot><!-- "
    assert scanner.feed(page) == [page]
    assert not scanner.at_text


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"", id="text"),
        pytest.param(b"<clew-slot name=a>", id="default"),
        pytest.param(b"<clew-slot name='", id="value"),
        pytest.param(b"<clew-slot name=a></clew-slot ", id="end tag"),
        pytest.param(b"<clew-slot name=a><!--", id="comment in a default"),
    ],
)
def test_memory_is_bounded(start: bytes) -> None:
    """Ten megabytes of anything cost no more memory than the chunks that may be left unread."""
    scanner = Scanner()
    tracemalloc.start()
    try:
        scanner.feed(start)
        for number in range(640):
            scanner.feed(b"%016d" % number * 1024)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2.5 * MAX_BEHIND
