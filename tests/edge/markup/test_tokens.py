import sys
from collections.abc import Callable

import pytest

from clew_edge.markup.tokens import Tag, Tokenizer

SLOT = b"<clew-slot name=a>"


def tags(page: bytes) -> list[Tag]:
    return list(Tokenizer().feed(page))


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"text < 3 & <3", id="less-than"),
        pytest.param(b"<", id="less-than before it"),
        pytest.param(b'<!doctype html "a>', id="doctype with a quote"),
        pytest.param(b"<!-- c -->", id="comment"),
        pytest.param(b"<!-->", id="comment of two dashes"),
        pytest.param(b"<!--->", id="comment of three dashes"),
        pytest.param(b"<!---->", id="comment of four dashes"),
        pytest.param(b"<!-- c --!>", id="comment with a bang at its end"),
        pytest.param(b"<!-- --!-->", id="comment with a bang within"),
        pytest.param(b"<!-- <!-- -->", id="comment in a comment"),
        pytest.param(b"<!--!>-->", id="comment that begins with a bang"),
        pytest.param(b"<!x -- '>", id="bogus comment"),
        pytest.param(b"<?php echo '>", id="processing instruction"),
        pytest.param(b'</1 ">', id="end tag without a name"),
        pytest.param(b"</>", id="end tag of nothing"),
        pytest.param(b"<![CDATA[ >", id="cdata outside of foreign content"),
        pytest.param(b"<p title='>'>", id="single quotes"),
        pytest.param(b'<p title = ">">', id="space around the equals sign"),
        pytest.param(b"<p title=\"'>\" x='\">'>", id="quotes in quotes"),
        pytest.param(b'<p title=a">', id="quote in an unquoted value"),
        pytest.param(b'<p ">', id="quote that is a name"),
        pytest.param(b'<p =">', id="equals sign that begins a name"),
        pytest.param(b'<p a="b"=">', id="equals sign after a value"),
        pytest.param(b"<p/=>", id="equals sign after a slash"),
        pytest.param(b"<p a=>", id="no value"),
        pytest.param(b'<p="x">', id="equals sign in the tag's name"),
        pytest.param(b'<a href=/x?a=b title=">">', id="equals sign in an unquoted value"),
        pytest.param(b'</p title=">">', id="end tag with an attribute"),
        pytest.param(b"<script>'<b>'</script>", id="script"),
        pytest.param(b"<script/></script>", id="script is never empty"),
        pytest.param(b"<script><!-- <script> </script> --> </script>", id="script in a script"),
        pytest.param(b"<script><!--> <script> </script>", id="escape that ends at once"),
        pytest.param(b"<script><!-- </script>", id="script ends in its comment"),
        pytest.param(b"<script><!-- <scripts> </script>", id="longer name than script"),
        pytest.param(b"<script><!-- <script> --> </script>", id="comment ends in a script twice"),
        pytest.param(b"<style>p { }</STYLE\n>", id="style"),
        pytest.param(b"<textarea><b></textarea x='>'>", id="textarea"),
        pytest.param(b"<title></titles></title>", id="title"),
        pytest.param(b"<TITLE></tItLe/>", id="case of letters"),
        pytest.param(b"<template><clew-slot name=b></template>", id="template"),
        pytest.param(b"<template><template></template></template>", id="template in a template"),
        pytest.param(b"</template></script></title>", id="ends of nothing"),
        pytest.param(b"<scripted><strong><i><time><nobr>", id="names that begin alike"),
        pytest.param("é日😀".encode(), id="utf-8"),
        pytest.param("表ソ".encode("shift_jis"), id="shift_jis with backslashes as trail bytes"),
    ],
)
def test_tells_the_tag_after(before: bytes) -> None:
    """A slot's tag is told after anything that is over."""
    assert tags(before + SLOT) == [Tag(False, len(before), len(before) + len(SLOT), "a")]


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(b"<!--", id="comment"),
        pytest.param(b"<!-- -- -> --! >", id="comment that does not end"),
        pytest.param(b"<!--!>", id="bang at the beginning of a comment"),
        pytest.param(b"<!---!>", id="dash and bang at the beginning of a comment"),
        pytest.param(b"<!-- <!-- -- >", id="comment in a comment"),
        pytest.param(b"<!x", id="bogus comment"),
        pytest.param(b"<?", id="processing instruction"),
        pytest.param(b"</ ", id="end tag without a name"),
        pytest.param(b"<p title='", id="value in single quotes"),
        pytest.param(b'<p title="', id="value in double quotes"),
        pytest.param(b'<p title = "', id="value after spaces"),
        pytest.param(b'<p a=b title="', id="value after another"),
        pytest.param(b'</p title="', id="value in an end tag"),
        pytest.param(b"<p title=", id="unquoted value"),
        pytest.param(b"<p ", id="tag"),
        pytest.param(b"</clew-slot", id="name of a tag"),
        pytest.param(b"<script>", id="script"),
        pytest.param(b"<script><!-- <script> </script>", id="script in a script"),
        pytest.param(b"<script><!-- <script/ </script>", id="script in a script with a slash"),
        pytest.param(b"<script><!-- <script> </script> -->", id="script after its comment"),
        pytest.param(b"<script></scripts></ script>", id="script with other ends"),
        pytest.param(b"<script></style>", id="script with the end of a style"),
        pytest.param(b"<style>", id="style"),
        pytest.param(b"<textarea>", id="textarea"),
        pytest.param(b"<title>", id="title"),
        pytest.param(b"<xmp>", id="xmp"),
        pytest.param(b"<iframe>", id="iframe"),
        pytest.param(b"<noembed>", id="noembed"),
        pytest.param(b"<noframes>", id="noframes"),
        pytest.param(b"<noscript>", id="noscript"),
        pytest.param(b"<plaintext>", id="plaintext"),
        pytest.param(b"<plaintext></plaintext>", id="plaintext never ends"),
        pytest.param(b"<title><!--</title", id="end tag that is not over"),
        pytest.param(b"<template>", id="template"),
        pytest.param(b"<template><template></template>", id="template in a template"),
    ],
)
def test_tells_no_tag_within(before: bytes) -> None:
    """What looks like a slot's tag is none within anything else."""
    assert tags(before + SLOT) == []


@pytest.mark.parametrize(
    ("tag", "slot"),
    [
        pytest.param(b'<clew-slot name="a">', "a", id="double quotes"),
        pytest.param(b"<clew-slot name='a'>", "a", id="single quotes"),
        pytest.param(b"<clew-slot name=a>", "a", id="no quotes"),
        pytest.param(b"<clew-slot name = a >", "a", id="spaces"),
        pytest.param(b"<clew-slot\n\tname=a\f>", "a", id="other white space"),
        pytest.param(b"<CLEW-Slot NAME=a>", "a", id="case of letters"),
        pytest.param(b"<clew-slot name=a name=b>", "a", id="the first of two"),
        pytest.param(b"<clew-slot name name=b>", None, id="the first of two without a value"),
        pytest.param(b"<clew-slot name='' name=b>", None, id="the first of two is empty"),
        pytest.param(b"<clew-slot class=x name=a>", "a", id="after another"),
        pytest.param(b"<clew-slot class='>' name=a>", "a", id="after an angle bracket"),
        pytest.param(b"<clew-slot class=x/name=a>", None, id="within a value"),
        pytest.param(b'<clew-slot class="x"name=a>', "a", id="right after a value"),
        pytest.param(b"<clew-slot =name=x name=a>", "a", id="after an equals sign"),
        pytest.param(b"<clew-slot/name=a>", "a", id="after a slash"),
        pytest.param(b'<clew-slot name="a"/>', "a", id="a slash at the end means nothing"),
        pytest.param(b"<clew-slot name=a/>", None, id="slash in an unquoted value"),
        pytest.param(b"<clew-slot name=Home.hero_2-b>", "Home.hero_2-b", id="every kind of letter"),
        pytest.param(b"<clew-slot name=&#97;>", None, id="references are not decoded"),
        pytest.param(b"<clew-slot name='a b'>", None, id="space in the name"),
        pytest.param(b"<clew-slot name=2>", None, id="begins with a digit"),
        pytest.param("<clew-slot name=é>".encode(), None, id="not ascii"),
        pytest.param(b"<clew-slot name=%b>" % (b"a" * 128), "a" * 128, id="longest"),
        pytest.param(b"<clew-slot name=%b>" % (b"a" * 129), None, id="too long"),
        pytest.param(b"<clew-slot>", None, id="no name"),
        pytest.param(b"<clew-slot xname=a names=a data-name=a>", None, id="other attributes"),
    ],
)
def test_reads_the_name(tag: bytes, slot: str | None) -> None:
    """The first attribute `name` names the slot, if a slot may be called so."""
    assert [told.slot for told in tags(tag)] == [slot]


@pytest.mark.parametrize(
    "name", [b"clew-slotx", b"clew-slot-", b"xclew-slot", b"clew-slot<", b"clew"]
)
def test_tells_no_other_element(name: bytes) -> None:
    """An element whose name is only like that of a slot is none."""
    assert tags(b"<%b name=a></%b>" % (name, name)) == []


@pytest.mark.parametrize(
    "tag", [b"</clew-slot>", b"</CLEW-SLOT\n>", b"</clew-slot/>", b"</clew-slot a='>' name=b>"]
)
def test_tells_end_tags(tag: bytes) -> None:
    """An end tag is told with where it begins and ends."""
    assert tags(b"x" + tag + b"y") == [Tag(True, 1, 1 + len(tag), None)]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        pytest.param(b"", True, id="nothing"),
        pytest.param(b"<html><p>text</html>\n", True, id="a page"),
        pytest.param(b"a > b", True, id="greater-than"),
        pytest.param(b"<script></script>", True, id="after a script"),
        pytest.param(b"<template></template>", True, id="after a template"),
        pytest.param(b"<!---->", True, id="after a comment"),
        pytest.param(b"<clew-slot>", True, id="in an element without a name"),
        pytest.param(b"<", False, id="less-than"),
        pytest.param(b"</", False, id="beginning of an end tag"),
        pytest.param(b"<!-", False, id="beginning of a comment"),
        pytest.param(b"<p", False, id="name of a tag"),
        pytest.param(b"<p a", False, id="tag"),
        pytest.param(b"<p a='</html>", False, id="value"),
        pytest.param(b"<!-- </html>", False, id="comment"),
        pytest.param(b"<!x", False, id="bogus comment"),
        pytest.param(b"<script></html>", False, id="script"),
        pytest.param(b"<textarea></html>", False, id="textarea"),
        pytest.param(b"<textarea></textarea", False, id="end tag of a textarea"),
        pytest.param(b"<plaintext></plaintext>", False, id="plaintext"),
        pytest.param(b"<template></html>", False, id="template"),
    ],
)
def test_knows_whether_the_page_is_at_text(page: bytes, *, expected: bool) -> None:
    """An element may be put where the page is in ordinary markup, and nowhere else."""
    tokens = Tokenizer()
    assert not list(tokens.feed(page)) or b"clew-slot" in page
    assert tokens.at_text is expected


def calls(run: Callable[[], object]) -> int:
    """Count the calls of functions, of Python and of C, that a run makes."""
    count = 0

    def tell(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(tell)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


def feed(page: bytes, size: int) -> Tokenizer:
    tokens = Tokenizer()
    for begin in range(0, len(page), size):
        for _ in tokens.feed(page[begin : begin + size]):
            pass
    return tokens


@pytest.mark.parametrize("size", [1_000, 1_000_000], ids=["chunks", "one chunk"])
@pytest.mark.parametrize(
    "piece",
    [
        *(b"<", b"<!-", b"<!--", b"-", b"</", b"<a ", b'="', b"<p>", b"<strong>", b"<!-- -->"),
        *(b"<clew-slot", b"<clew-slot>", b"<clew-slot a ", b"<template>", b"<script>", b"</script"),
        *(b"<title></title>", b"<script><!--"),
    ],
)
def test_takes_steps_in_proportion(piece: bytes, size: int) -> None:
    """Twice the bytes take twice the steps, and no byte takes more than a few."""
    page = piece * (20_000 // len(piece))
    once, twice = (calls(lambda n=n: feed(page * n, size)) for n in (1, 2))
    assert twice <= 2.2 * once + 100
    assert twice <= 6 * 2 * len(page)


@pytest.mark.parametrize(
    "page",
    [b"<p a='", b"<!--", b"<clew-slot name=", b"<clew-slot name=a ", b"<script>", b"<clew-slot"],
)
def test_keeps_a_bounded_part(page: bytes) -> None:
    """Of a tag or a text without end a few bytes are kept."""
    tokens = feed(page + b"x" * 50_000, 100)
    kept = [value for value in vars(tokens).values() if isinstance(value, bytes)]
    assert sum(map(len, kept)) < 200
