"""
Tells where a tag is real: the states of HTML tokenization, over bytes, a chunk at a time.

What looks like a tag is none in a comment, in an attribute's value, or in the text of a script, a
style, a text area. `Tokenizer` follows the states that matter for this and reports the tags of
slots; it builds no tree and keeps no page. Every state is one method: it takes the bytes it can
judge, chooses the next state, and keeps what it cannot judge yet (a few bytes) for the next chunk.

Runs of markup in which nothing can happen are skipped by one regular expression that never goes
back (every repeat is possessive), so the time is linear in the bytes.

- `noscript` is read as text, as by a browser that runs scripts.
- A `template` is inert until a script clones it: the tags in it are not reported.
- In `svg` and `math` the names of raw text are read as in HTML. To tell foreign content apart,
  `_finish` is the place that sees every watched tag in order; to take `data-clew-slot` on any
  element, `_name_attribute` is where an attribute is known.

Source: WHATWG HTML Living Standard, section 13.2.5 (tokenization).
"""

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from attrs import evolve, frozen

from clew_edge.markup.patterns import (
    ATTRIBUTE_NAME,
    BEGINNING,
    BETWEEN,
    COMMENT_END,
    DULL,
    SCRIPT_MARKS,
    SCRIPT_TAIL,
    SEPARATORS,
    SPACES,
    TAG_NAME,
    TEXT_ENDS,
    UNQUOTED,
)
from clew_edge.markup.slots import MAX_TAG, SLOT_NAME

__all__ = ["ELEMENT", "Tag", "Tokenizer"]

#: The element that is a slot.
ELEMENT = b"clew-slot"

#: Bytes kept of a name: more than any name that matters has.
_MAX_WORD = 16
#: Bytes kept of a value: one more than a slot's name may have.
_MAX_VALUE = 129
#: How much of a script is escaped: none, after `<!--`, after `<script` in that.
_PLAIN, _ESCAPED, _TWICE = range(3)

#: Takes the bytes it can judge from a position on; answers the position of those left.
_State: TypeAlias = "Callable[[Tokenizer, bytes, int], int]"


@frozen
class Tag:
    """A real tag of a slot's element, by the offsets of its bytes in the page."""

    closes: bool
    start: int
    end: int
    #: The slot that an opening tag names; None when it names none that could be a slot.
    slot: str | None = None


class Tokenizer:
    """Reads one page; `feed` tells the tags of slots in it."""

    def __init__(self) -> None:
        #: How many bytes of the page were fed.
        self.offset = 0
        self._state: _State = Tokenizer._text
        #: The last bytes fed, which the state could not judge yet.
        self._kept = b""
        #: The offset of the first byte that the state is given.
        self._base = 0
        #: The tag that was just finished.
        self._found: Tag | None = None
        #: How many templates are open.
        self._templates = 0
        self._escapes = _PLAIN
        # the tag being read
        self._start = 0
        self._closes = False
        self._name = b""
        #: The name being read, of the tag or of an attribute.
        self._word = b""
        #: The value of the first attribute `name`.
        self._value: bytes | None = None
        self._reads_value = False
        self._quote = b""

    @property
    def at_text(self) -> bool:
        """Whether the next byte is ordinary markup: outside any tag, comment, text or template."""
        return self._state is Tokenizer._text and not self._kept and not self._templates

    @property
    def tag_start(self) -> int | None:
        """Where the unfinished tag begins that is, or may become, the tag of a slot."""
        named = self._state is Tokenizer._tag_name and ELEMENT.startswith(self._word.lower())
        return self._start if named or self._name == ELEMENT else None

    @property
    def settled(self) -> int:
        """The offset before which no tag begins that is still to be told."""
        start = self.tag_start
        return self.offset - len(self._kept) if start is None else start

    def skip(self, count: int) -> None:
        """Count bytes of the page which are not read."""
        self.offset += count

    def feed(self, chunk: bytes) -> Iterator[Tag]:
        """Read a chunk; gives the tags of slots that end in it. To be run to its end."""
        data = self._kept + chunk
        self._base = self.offset - len(self._kept)
        self.offset += len(chunk)
        self._kept = b""
        position, end = 0, len(data)
        while position < end:
            position = self._state(self, data, position)
            if self._found is not None:
                yield self._found
                self._found = None

    # Markup

    def _text(self, data: bytes, position: int) -> int:
        position = _end(DULL, data, position)
        begins = BEGINNING.match(data, position)
        if begins is None:
            return self._keep(data, position)
        if begins.lastgroup == "tag":
            self._begin_tag(self._base + position, closes=begins["tag"] == b"/")
        elif begins.lastgroup == "comment":
            self._state = Tokenizer._comment
        else:
            self._state = Tokenizer._bogus_comment
        return begins.end()

    def _comment(self, data: bytes, position: int) -> int:
        end = COMMENT_END.search(data, position)
        if end is None:
            return self._keep(data, max(position, len(data) - len(b"--!")))
        self._state = Tokenizer._text
        return end.end()

    def _bogus_comment(self, data: bytes, position: int) -> int:
        end = data.find(b">", position)
        if end < 0:
            return len(data)
        self._state = Tokenizer._text
        return end + 1

    # Tags

    def _begin_tag(self, start: int, *, closes: bool) -> None:
        self._start, self._closes = start, closes
        self._name = self._word = b""
        self._value, self._reads_value = None, False
        self._state = Tokenizer._tag_name

    def _tag_name(self, data: bytes, position: int) -> int:
        end = self._read_word(TAG_NAME, data, position)
        if end == len(data):
            return end
        self._name = self._word.lower()
        self._state = Tokenizer._between
        return end

    def _between(self, data: bytes, position: int) -> int:
        length = self._base + position - self._start
        may_name = self._name == ELEMENT and length <= MAX_TAG
        position = _end(SEPARATORS if may_name else BETWEEN, data, position)
        first = data[position : position + 1]
        if first == b">":
            return self._finish(position + 1)
        if first:
            self._word = first
            self._state = Tokenizer._attribute_name
        return position + 1

    def _attribute_name(self, data: bytes, position: int) -> int:
        end = self._read_word(ATTRIBUTE_NAME, data, position)
        if end < len(data):
            self._name_attribute()
        return end

    def _name_attribute(self) -> None:
        """Know an attribute's name: of several of one name the first counts."""
        self._reads_value = self._value is None and self._word.lower() == b"name"
        if self._reads_value:
            self._value = b""
        self._state = Tokenizer._after_name

    def _after_name(self, data: bytes, position: int) -> int:
        position = _end(SPACES, data, position)
        if data[position : position + 1] == b"=":
            self._state = Tokenizer._before_value
            return position + 1
        if position < len(data):
            self._state = Tokenizer._between
        return position

    def _before_value(self, data: bytes, position: int) -> int:
        position = _end(SPACES, data, position)
        match data[position : position + 1]:
            case b'"' | b"'" as quote:
                self._quote = quote
                self._state = Tokenizer._quoted
                return position + 1
            case b">":
                self._state = Tokenizer._between
            case first if first:
                self._state = Tokenizer._unquoted
        return position

    def _quoted(self, data: bytes, position: int) -> int:
        end = data.find(self._quote, position)
        if end < 0:
            self._read_value(data, position, len(data))
            return len(data)
        self._read_value(data, position, end)
        self._state = Tokenizer._between
        return end + 1

    def _unquoted(self, data: bytes, position: int) -> int:
        end = _end(UNQUOTED, data, position)
        self._read_value(data, position, end)
        if end < len(data):
            self._state = Tokenizer._between
        return end

    def _read_word(self, pattern: re.Pattern[bytes], data: bytes, position: int) -> int:
        end = _end(pattern, data, position)
        self._word += data[position : min(end, position + _MAX_WORD - len(self._word))]
        return end

    def _read_value(self, data: bytes, position: int, end: int) -> None:
        if self._reads_value and self._value is not None:
            self._value += data[position : min(end, position + _MAX_VALUE - len(self._value))]

    def _finish(self, end: int) -> int:
        """Take the tag that ends before `end`: what it says about the bytes after it."""
        name = self._name
        self._state = Tokenizer._text
        if name == ELEMENT:
            self._name = b""
            if not self._templates:
                self._found = self._told(self._base + end)
        elif name == b"template":
            self._templates = max(0, self._templates + (-1 if self._closes else 1))
        elif self._closes:
            pass
        elif name in TEXT_ENDS:
            self._state = Tokenizer._raw_text
        elif name == b"script":
            self._escapes = _PLAIN
            self._state = Tokenizer._script
        elif name == b"plaintext":
            self._state = Tokenizer._plain_text
        return end

    def _told(self, end: int) -> Tag:
        tag = Tag(self._closes, self._start, end)
        name = SLOT_NAME.fullmatch(self._value or b"")
        if name is None or tag.closes or end - tag.start > MAX_TAG:
            return tag
        return evolve(tag, slot=name[0].decode())

    # Text that is no markup

    def _raw_text(self, data: bytes, position: int) -> int:
        mark = TEXT_ENDS[self._name].search(data, position)
        if mark is None:
            return self._keep(data, max(position, len(data) - len(self._name) - len("</")))
        return self._end_text(mark.start(), mark.end())

    def _script(self, data: bytes, position: int) -> int:
        mark = SCRIPT_MARKS[self._escapes].search(data, position)
        if mark is None:
            return self._keep(data, max(position, len(data) - SCRIPT_TAIL))
        match mark[0].lower():
            case b"<!--":
                self._escapes = _ESCAPED
                # in `<!-->` its dashes count twice
                return mark.end() - len(b"--")
            case b"-->":
                self._escapes = _PLAIN
            case b"<script":
                self._escapes = _TWICE
            case _ if self._escapes == _TWICE:
                self._escapes = _ESCAPED
            case _:
                return self._end_text(mark.start(), mark.end())
        return mark.end()

    def _plain_text(self, data: bytes, _: int) -> int:
        return len(data)

    def _end_text(self, start: int, end: int) -> int:
        """Read on in the end tag of the text, after its name."""
        name = self._name
        self._begin_tag(self._base + start, closes=True)
        self._name = name
        self._state = Tokenizer._between
        return end

    def _keep(self, data: bytes, position: int) -> int:
        self._kept = data[position:]
        return len(data)


def _end(pattern: re.Pattern[bytes], data: bytes, position: int) -> int:
    """Where the bytes end that the pattern, which may match nothing, takes at a position."""
    taken = pattern.match(data, position)
    return taken.end() if taken else position
