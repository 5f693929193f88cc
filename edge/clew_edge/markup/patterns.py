"""
The regular expressions of the tokenizer.

Every repeat is possessive: nothing is tried twice, and each of them takes time linear in the bytes
it looks at. The white space of HTML has no vertical tab, so `\\s` is not used.

Source: WHATWG HTML Living Standard, section 13.2.5 (tokenization).
"""

import re

__all__ = [
    "ATTRIBUTE_NAME",
    "BEGINNING",
    "BETWEEN",
    "COMMENT_END",
    "DULL",
    "SCRIPT_MARKS",
    "SCRIPT_TAIL",
    "SEPARATORS",
    "SPACES",
    "TAG_NAME",
    "TEXT_ENDS",
    "UNQUOTED",
]


def _compile(pattern: str, /, **parts: str) -> re.Pattern[bytes]:
    for name, part in (*parts.items(), ("SPACE", r" \t\n\f\r")):
        pattern = pattern.replace(name, part)
    return re.compile(pattern.encode(), re.VERBOSE | re.DOTALL)


#: Whole attributes and what is between them. A name may begin with `=`, and quotes mean something
#: only after the `=` that follows a name.
_BETWEEN = r"""
(?: [SPACE/]++
  | (?: [^SPACE/>=]++ | =[^SPACE/>=]*+ ) [SPACE]*+
    (?: = [SPACE]*+ (?: "[^"]*+" | '[^']*+' | [^SPACE>"'][^SPACE>]*+ (?=[SPACE>]) | (?=>) )
      | (?=[^=]) )
)*+
"""
#: Attributes and the end of their tag. The form tried first takes few steps and is the common one:
#: no white space around `=`, and a letter or digit before it, which is always of a name.
_ATTRIBUTES = r"""
(?: >
  | (?: [^>=]*+ (?<=[a-zA-Z0-9]) = (?: "[^"]*+" | '[^']*+' | [^SPACE>"'][^SPACE>]*+ ) )*+ [^>=]*+ >
  | BETWEEN >
)
"""

#: How the names begin of which the tokenizer must know: `clew-slot`, `iframe`, `noembed`,
#: `noframes`, `noscript`, `plaintext`, `script`, `style`, `template`, `textarea`, `title`, `xmp`.
#: A name that only begins like one costs some time, nothing else.
_WATCHED = """
[cinpstxCINPSTX] (?: [lL][eEaA] | [fF][rR] | [oO][eEfFsS] | [cC][rR] | [tT][yY]
                   | [eE][mMxX] | [iI][tT] | [mM][pP] )
"""
#: The same for end tags: those of `clew-slot` and `template`.
_WATCHED_END = "[ctCT][lLeE][eEmM]"

#: A run of markup in which nothing can happen, up to what may matter or is not complete yet.
DULL = _compile(
    r"""
    [^<]*+
    (?: < (?: / (?!WATCHED_END) [a-zA-Z] (?: [^>=]*+ > | [^SPACE/>]*+ ATTRIBUTES )
            | (?!WATCHED) [a-zA-Z] [^SPACE/>]*+ ATTRIBUTES
            | !-- (?: -?> | (?: [^-]++ | -(?!-!?>) )*+ --!?> )
            | (?: [?] | !(?!--) | /(?![a-zA-Z]) ) [^>]*+ >
            | (?=[^a-zA-Z/!?])
          )
        [^<]*+
    )*+
    """,
    WATCHED_END=_WATCHED_END,
    WATCHED=_WATCHED,
    ATTRIBUTES=_ATTRIBUTES,
    BETWEEN=_BETWEEN,
)

#: What begins at a `<`, if the bytes at hand tell; `<!-->` and `<!--->` are whole comments.
BEGINNING = _compile(
    r"""
    < (?: (?P<tag> /? ) (?=[a-zA-Z])
        | (?P<comment> !-- ) (?!-?\Z)
        | (?P<bogus> [?] | !(?!-?\Z | --) | /(?=.) )
      )
    """,
)
COMMENT_END = _compile("--!?>")

TAG_NAME = _compile("[^SPACE/>]*+")
BETWEEN = _compile(_BETWEEN)
SEPARATORS = _compile("[SPACE/]*+")
ATTRIBUTE_NAME = _compile("[^SPACE/>=]*+")
SPACES = _compile("[SPACE]*+")
UNQUOTED = _compile("[^SPACE>]*+")

#: Elements whose content is text, by the end tag that alone ends it. A script has its own rules.
TEXT_ENDS = {
    name.encode(): _compile("</(?i:NAME) (?=[SPACE/>])", NAME=name)
    for name in (
        "iframe",
        "noembed",
        "noframes",
        "noscript",
        "style",
        "textarea",
        "title",
        "xmp",
    )
}
#: What matters in a script: at first, after `<!--`, and after `<script` in that.
SCRIPT_MARKS = (
    _compile("< (?: !-- | /(?i:script) (?=[SPACE/>]) )"),
    _compile("--> | </?+ (?i:script) (?=[SPACE/>])"),
    _compile("--> | </ (?i:script) (?=[SPACE/>])"),
)
#: Bytes at the end of a chunk that may be the beginning of such a mark.
SCRIPT_TAIL = len(b"</script")
