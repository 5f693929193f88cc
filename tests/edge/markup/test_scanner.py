from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew_edge.markup import Scanner, Slot, rewrite

NONCE = b"f00d"

#: Pieces of a page that mean little alone and much together.
PIECES = [
    *(
        b"<clew-slot name=a>",
        b"<CLEW-SLOT NAME='b'>",
        b'<clew-slot x=">" name="c"/>',
        b"<clew-slot>",
    ),
    *(
        b"</clew-slot>",
        b"</clew-slot x='>'>",
        b"</CLEW-slot",
        b"<clew-slot ",
        b"name=d",
        b"<clew-slotx>",
    ),
    *(
        b"<!--clew:f00d:e-->",
        b"<!--/clew:f00d-->",
        b"<!--clew:f00d:",
        b"clew:f00d",
        b"<!--clew:e-->",
    ),
    *(b"<!--", b"-->", b"--!>", b"<!-->", b"<!--->", b"<!x", b"<?", b"</", b"</>", b"</1", b"<!"),
    *(b"<script>", b"</script>", b"</script", b"<style>", b"</STYLE >", b"<title>", b"</title>"),
    *(
        b"<textarea>",
        b"</textarea x='>'>",
        b"<template>",
        b"</template>",
        b"<noscript>",
        b"</noscript>",
    ),
    *(
        b"<p title='",
        b'<p title="',
        b"'",
        b'"',
        b"=",
        b'="',
        b"<p ",
        b"<p =",
        b"/",
        b">",
        b"<",
        b"-",
        b" ",
    ),
    *(b"text", b"<b>", b"</b>", "é日".encode()),
]
PAGES = st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join)

#: Whole things in which no slot is, and after which the page is at text.
CLOSED = [
    b"text < 3",
    b"<!doctype html>",
    b"<!-- <clew-slot name=a></clew-slot> -->",
    b"<!-->",
    b"<!x <clew-slot name=a>",
    b"<script>'<clew-slot name=a></clew-slot>'</script>",
    b"<script><!--<script><clew-slot name=a></clew-slot></script>--></script>",
    b"<style><clew-slot name=a></clew-slot></style>",
    b"<textarea><clew-slot name=a></clew-slot></textarea>",
    b"<title><clew-slot name=a></clew-slot></title>",
    b"<noscript><clew-slot name=a></clew-slot></noscript>",
    b"<template><clew-slot name=a></clew-slot></template>",
    b"<p title='<clew-slot name=a></clew-slot>'>",
    b'<p title = "<!--" class=x>',
    b'<p =">',
    b"</p title='>'>",
    b"</clew-slotx>",
]
#: A slot, what is before its content, its content and what is after it, once it is filled.
SLOTS = [
    (b"<clew-slot name=a>", b"x", b"</clew-slot>"),
    (b"<CLEW-SLOT class='>' NAME = \"b\">", b"<clew-slot name=c></clew-slot>", b"</Clew-Slot >"),
    (b"<clew-slot name=d>", b"<script></clew-slot></script>", b"</clew-slot x='>'>"),
    (b"<clew-slot name=e>", b"<!-- </clew-slot> --><p title='</clew-slot>'>", b"</clew-slot>"),
]


def cut(page: bytes, at: Sequence[int]) -> list[bytes]:
    """Cut a page at the given places, in any order and of any size."""
    places = [0, *sorted(place % (len(page) + 1) for place in at), len(page)]
    return [page[begin:end] for begin, end in pairwise(places)]


def filled(chunks: Sequence[bytes]) -> bytes:
    return b"".join(rewrite(chunks, lambda name: b"[" + name.encode() + b"]", nonce=NONCE))


@given(PAGES, st.lists(st.integers(min_value=0), max_size=6))
def test_the_page_is_the_same_however_it_is_cut(page: bytes, at: list[int]) -> None:
    """The bytes that come out, and the slots, do not depend on the chunks."""
    whole = filled([page])
    assert filled(cut(page, at)) == whole
    assert filled([page[place : place + 1] for place in range(len(page))]) == whole


@given(PAGES, st.lists(st.integers(min_value=0), max_size=3))
def test_every_byte_comes_out(page: bytes, at: list[int]) -> None:
    """Where each slot keeps its default the page is as it was, wherever it breaks off."""
    assert b"".join(rewrite(cut(page, at), lambda _: None)) == page


@given(PAGES, st.lists(st.integers(min_value=0), max_size=3))
def test_a_released_page_comes_out_whole(page: bytes, at: list[int]) -> None:
    """Where the page pauses, every byte that was held comes out, and none is lost after it."""
    scanner, out = Scanner(), []
    for chunk in cut(page, at):
        out += [*scanner.feed(chunk), *scanner.release()]
        assert not scanner.is_holding
    out += scanner.close()
    assert b"".join(piece.default if isinstance(piece, Slot) else piece for piece in out) == page


@given(
    st.lists(st.sampled_from(CLOSED) | st.sampled_from(SLOTS), max_size=8),
    st.lists(st.integers(min_value=0), max_size=4),
)
def test_fills_what_is_a_slot_and_nothing_else(
    parts: list[bytes | tuple[bytes, bytes, bytes]], at: list[int]
) -> None:
    """Each slot is filled, and all that is round the slots stays to the byte."""
    page = b"".join(part if isinstance(part, bytes) else b"".join(part) for part in parts)
    expected = b"".join(
        part if isinstance(part, bytes) else part[0] + b"!" + part[2] for part in parts
    )
    assert b"".join(rewrite(cut(page, at), lambda _: b"!")) == expected


@pytest.mark.parametrize("inert", CLOSED)
@pytest.mark.parametrize("slot", SLOTS)
def test_splits_nowhere(inert: bytes, slot: tuple[bytes, bytes, bytes]) -> None:
    """A slot after anything is found for every place at which a page may be cut in two."""
    page = inert + b"".join(slot) + inert
    expected = inert + slot[0] + b"!" + slot[2] + inert
    for place in range(len(page) + 1):
        assert b"".join(rewrite([page[:place], page[place:]], lambda _: b"!")) == expected


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        pytest.param(b"</html>\n", True, id="end of a page"),
        pytest.param(b"<!--clew:f00d:a--><p><!--/clew:f00d-->", True, id="after a slot"),
        pytest.param(b"<!-- <!--clew:f00d:a--><!--/clew:f00d-->", True, id="mark ends a comment"),
        pytest.param(b"<clew-slot name=a></clew-slot>", True, id="after an element"),
        pytest.param(b"<clew-slot name=a>", True, id="element that does not end"),
        pytest.param(b"<!--clew:f00d:a-->", True, id="marks that do not end"),
        pytest.param(b"<script><!--clew:f00d:a--><!--/clew:f00d-->", False, id="script"),
        pytest.param(b"<p title='<!--clew:f00d:a--><!--/clew:f00d-->", False, id="value"),
        pytest.param(b"<!--clew:f0", False, id="part of a mark"),
        pytest.param(b"<clew-slot name=a><!-- </clew-slot>", False, id="comment in a default"),
        pytest.param(b"<!-- </html>", False, id="comment"),
    ],
)
def test_knows_whether_the_end_is_at_text(page: bytes, *, expected: bool) -> None:
    """When the page has ended it is known whether an element may be put at its end."""
    scanner = Scanner(NONCE)
    for place in range(len(page)):
        scanner.feed(page[place : place + 1])
    scanner.close()
    assert scanner.at_text is expected


def test_is_not_at_text_in_an_open_slot() -> None:
    """Within a slot, whatever marks it, nothing may be put."""
    for start in (b"<clew-slot name=a>", b"<!--clew:f00d:a-->"):
        scanner = Scanner(NONCE)
        scanner.feed(b"<p>")
        assert scanner.at_text
        scanner.feed(start)
        assert not scanner.at_text
        scanner.release()
        assert scanner.at_text


@pytest.mark.parametrize("nonce", [None, NONCE])
def test_gives_no_empty_bytes(nonce: bytes | None) -> None:
    """An empty chunk gives nothing to send."""
    scanner = Scanner(nonce)
    assert scanner.feed(b"") == []
    assert scanner.close() == []
