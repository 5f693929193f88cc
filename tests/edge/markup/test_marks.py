import pytest

from clew_edge.markup import Scanner, Slot, rewrite
from clew_edge.markup.slots import MAX_DEFAULT, MAX_DEPTH

NONCE = b"f00d"


def scanned(page: bytes, size: int = 10**9) -> list[bytes | Slot]:
    scanner = Scanner(NONCE)
    chunks = [page[begin : begin + size] for begin in range(0, len(page), size)]
    return [piece for chunk in chunks for piece in scanner.feed(chunk)] + scanner.close()


def filled(page: bytes, size: int = 10**9) -> bytes:
    chunks = [page[begin : begin + size] for begin in range(0, len(page), size)]
    return b"".join(rewrite(chunks, lambda name: name.upper().encode(), nonce=NONCE))


def test_gives_a_slot_between_marks_without_the_nonce() -> None:
    """The nonce stays ours; the marks that go out tell where the slot is."""
    page = b"<p><!--clew:f00d:hero--><b>x</b><!--/clew:f00d--></p>"
    assert scanned(page) == [
        b"<p>",
        b"<!--clew:hero-->",
        Slot("hero", b"<b>x</b>"),
        b"<!--/clew-->",
        b"</p>",
    ]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        pytest.param(
            b"<!--clew:f00d:a--><!--/clew:f00d--><!--clew:f00d:b-->x<!--/clew:f00d-->",
            b"<!--clew:a-->A<!--/clew--><!--clew:b-->B<!--/clew-->",
            id="two",
        ),
        pytest.param(
            b"<!--clew:f00d:a-->x<!--clew:f00d:b-->y<!--/clew:f00d-->z<!--/clew:f00d-->",
            b"<!--clew:a-->A<!--/clew-->",
            id="the outer wins",
        ),
        pytest.param(
            b"<title><!--clew:f00d:a-->x<!--/clew:f00d--></title>",
            b"<title><!--clew:a-->A<!--/clew--></title>",
            id="wherever the template says",
        ),
        pytest.param(
            b"<clew-slot name=b><!--clew:f00d:a-->x<!--/clew:f00d--></clew-slot>",
            b"<clew-slot name=b>B</clew-slot>",
            id="in an element that is a slot",
        ),
        pytest.param(
            b"<!--clew:f00d:a--><clew-slot name=b></clew-slot><!--/clew:f00d-->",
            b"<!--clew:a-->A<!--/clew-->",
            id="an element in it",
        ),
        pytest.param(
            b"<clew-slot name=b><!--clew:f00d:a-->x<!--/clew:f00d--> ",
            b"<clew-slot name=b><!--clew:a-->A<!--/clew--> ",
            id="in an element that does not end",
        ),
        pytest.param(
            b"<clew-slot name=b>x</clew-slot <!--clew:f00d:a-->y<!--/clew:f00d--> >",
            b"<clew-slot name=b>x</clew-slot <!--clew:a-->A<!--/clew--> >",
            id="in the tag of an element",
        ),
        pytest.param(
            b"<!-- <clew-slot name=b> <!--clew:f00d:a-->x<!--/clew:f00d--><clew-slot name=c>"
            b"</clew-slot>",
            b"<!-- <clew-slot name=b> <!--clew:a-->A<!--/clew--><clew-slot name=c>C</clew-slot>",
            id="ends a comment round it",
        ),
    ],
)
def test_fills_slots_between_marks(page: bytes, expected: bytes) -> None:
    """A slot between marks is filled, whatever is round it, and however the page is cut."""
    assert filled(page) == filled(page, 1) == filled(page, 7) == expected


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(b"<!--clew:f00d:a-->x", id="no end"),
        pytest.param(b"x<!--/clew:f00d-->", id="no beginning"),
        pytest.param(b"<!--clew:f00d:a-->x<!--clew:f00d:b-->y<!--/clew:f00d-->", id="half nested"),
        pytest.param(b"<!--clew:beef:a-->x<!--/clew:beef-->", id="another nonce"),
        pytest.param(b"<!--clew:a-->x<!--/clew-->", id="no nonce"),
        pytest.param(b"<!--clew:f00d:2-->x<!--/clew:f00d-->", id="no name of a slot"),
        pytest.param(b"<!--clew:f00d: a-->x<!--/clew:f00d-->", id="space in the name"),
        pytest.param(b"<!--clew:f00d:%b-->x<!--/clew:f00d-->" % (b"a" * 129), id="too long"),
        pytest.param(b"<!-- clew:f00d:a-->x<!--/clew:f00d-->", id="space before it"),
        pytest.param(b"<!--clew:f00d", id="part of a mark"),
        pytest.param(b"clew:f00d:a-->clew:f00d-->/clew:f00d-->", id="no comments"),
    ],
)
def test_lets_other_comments_pass(page: bytes) -> None:
    """What is no pair of marks goes out as it stood."""
    assert filled(page) == filled(page, 1) == filled(page, 7) == page


@pytest.mark.parametrize("size", [10**9, 1_000])
@pytest.mark.parametrize(("length", "is_slot"), [(MAX_DEFAULT, True), (MAX_DEFAULT + 1, False)])
def test_waits_for_so_much_default(length: int, size: int, *, is_slot: bool) -> None:
    """A default up to the bound makes a slot, a longer one passes as it stood."""
    page = b"<!--clew:f00d:a-->%b<!--/clew:f00d-->." % (b"x" * length)
    assert filled(page, size) == (b"<!--clew:a-->A<!--/clew-->." if is_slot else page)


def test_goes_on_after_a_default_that_is_too_long() -> None:
    """The next slot is found when one was given up."""
    page = b"<!--clew:f00d:a-->%b<!--clew:f00d:b-->y<!--/clew:f00d-->"
    long = page % (b"x" * (MAX_DEFAULT + 1))
    assert filled(long, 1_000) == filled(long)
    assert filled(long).endswith(b"x<!--clew:b-->B<!--/clew-->")


def test_gives_up_slots_that_nest_too_deep() -> None:
    """Only so many slots are open at once, so the reading of defaults stays in proportion."""
    names = [b"s%d" % level for level in range(MAX_DEPTH + 1)]
    page = b"".join(b"<!--clew:f00d:%b-->" % name for name in names)
    page += b"x" + b"<!--/clew:f00d-->" * len(names)
    slots = [piece for piece in scanned(page) if isinstance(piece, Slot)]
    assert slots == [Slot(f"s{MAX_DEPTH}", b"x")]


def test_holds_an_unfinished_mark_alone() -> None:
    """Of a chunk only what may be the beginning of a mark waits for the next."""
    scanner = Scanner(NONCE)
    assert scanner.feed(b"<p>a <!--clew:f0") == [b"<p>a "]
    assert not scanner.is_holding
    assert not scanner.at_text
    assert scanner.feed(b"0b-->") == [b"<!--clew:f00b-->"]
    assert scanner.at_text


def test_keeps_the_default_of_a_released_slot() -> None:
    """A slot that is released goes out as it stood, and the page is read on."""
    scanner = Scanner(NONCE)
    assert scanner.feed(b"<!--clew:f00d:a-->x") == []
    assert scanner.is_holding
    assert b"".join(scanner.release()) == b"<!--clew:f00d:a-->x"
    assert not scanner.is_holding
    rest = scanner.feed(b"y<!--clew:f00d:b-->z<!--/clew:f00d--><!--/clew:f00d-->")
    assert [piece for piece in rest if isinstance(piece, Slot)] == [Slot("b", b"z")]
    assert rest[-1] == b"<!--/clew:f00d-->"
