from collections.abc import Iterator

from clew_edge.markup import rewrite

PAGE = (
    b"<clew-slot name=a>1<clew-slot name=b>2</clew-slot><!--clew:n:c-->3<!--/clew:n--></clew-slot>"
)


def test_fills_what_has_a_filling() -> None:
    """The outer slot's filling takes the place of all that is in it."""
    assert b"".join(rewrite([PAGE], lambda _: b"x", nonce=b"n")) == (
        b"<clew-slot name=a>x</clew-slot>"
    )


def test_looks_for_slots_in_a_default_that_is_kept() -> None:
    """Where the outer slot keeps its default, the slots within are asked for in order."""
    asked = []

    def fill(name: str) -> bytes | None:
        asked.append(name)
        return None if name == "a" else name.encode()

    assert b"".join(rewrite([PAGE], fill, nonce=b"n")) == (
        b"<clew-slot name=a>1<clew-slot name=b>b</clew-slot><!--clew:c-->c<!--/clew--></clew-slot>"
    )
    assert asked == ["a", "b", "c"]


def test_an_empty_filling_is_one() -> None:
    """A slot may be filled with nothing."""
    assert b"".join(rewrite([b"<clew-slot name=a>x</clew-slot>"], lambda _: b"")) == (
        b"<clew-slot name=a></clew-slot>"
    )


def test_leaves_elements_alone_when_they_are_not_wanted() -> None:
    """Without markup only slots between marks are filled, in defaults as in the page."""
    page = (
        b"<clew-slot name=a></clew-slot><!--clew:n:b--><clew-slot name=c></clew-slot><!--/clew:n-->"
    )
    fill = {"a": b"x", "b": None, "c": b"x"}.__getitem__
    out = b"".join(rewrite([page], fill, nonce=b"n", markup=False))
    assert out == page.replace(b":n", b"")


def test_gives_bytes_as_they_come() -> None:
    """What is before a slot's content goes out before that has come in."""
    taken = []

    def chunks() -> Iterator[bytes]:
        for chunk in (b"<p>", b"<clew-slot name=a>", b"</clew-slot>"):
            taken.append(chunk)
            yield chunk

    given = [(piece, len(taken)) for piece in rewrite(chunks(), lambda _: b"x")]
    assert given == [
        (b"<p>", 1),
        (b"<clew-slot name=a>", 2),
        (b"x", 3),
        (b"</clew-slot>", 3),
    ]
