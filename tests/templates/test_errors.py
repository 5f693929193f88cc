"""What is said about templates that are not in the subset."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.errors import DocumentError
from clew.templates import compile_template
from clew.templates.filters import FILTERS

WORDS = st.sampled_from(["{{ ", " }}", "{% ", " %}", "if ", "else", "endif", "a", ".b", "| ", "'"])
FAULTS = [
    ("{{ name | defalt: 'x' }}", "unknown_filter", "1:11", "did you mean `default`?"),
    ("{{ name | zzzzzz }}", "unknown_filter", "1:11", "there are append, capitalize"),
    ("{{ name | }}", "unknown_filter", "1:11", "the end of the tag"),
    ("Hello\n  {{ name", "unclosed", "2:3", "`{{` is not closed: add `}}`"),
    ("{% if a ", "unclosed", "1:1", "add `%}`"),
    ("{{ 'name }}", "unclosed", "1:4", "the quote ' is not closed"),
    ("{% if a %}x", "unclosed", "1:4", "add {% endif %}"),
    ("{% unless a %}x", "unclosed", "1:4", "add {% endunless %}"),
    ("{{ }}", "syntax", "1:4", "expected a value, not the end of the tag"),
    ("{{ a b }}", "syntax", "1:6", "`b` is not expected here"),
    ("{{ a. }}", "syntax", "1:7", 'expected a name after "."'),
    ("{{ a.0 }}", "syntax", "1:6", "list[0]"),
    ("{{ a[b] }}", "syntax", "1:6", "an index is a whole number or quoted text"),
    ("{{ a[1.5] }}", "syntax", "1:6", "an index is a whole number or quoted text"),
    ("{{ a[0 }}", "syntax", "1:6", "between [ and ]"),
    ("{{ a; b }}", "syntax", "1:5", "`;` means nothing here"),
    ("{{ empty }}", "syntax", "1:4", "expected a value, not `empty`"),
    ("{{ 1234567890123456789 }}", "syntax", "1:4", "means nothing here"),
    ("{{ a | truncate: 'x' }}", "arguments", "1:18", "wants a whole number, not `'x'`"),
    ("{{ a | truncate: 1.5 }}", "arguments", "1:18", "wants a whole number, not `1.5`"),
    ("{{ a | plus: 'x' }}", "arguments", "1:14", "wants a number, not `'x'`"),
    ("{{ a | append: nil }}", "arguments", "1:16", "wants text, not `nil`"),
    ("{{ a | upcase: 1 }}", "arguments", "1:8", "takes 0 argument(s), not 1"),
    ("{{ a | append }}", "arguments", "1:8", "takes 1 argument(s), not 0"),
    ("{{ a | default }}", "arguments", "1:8", "takes 1 argument(s), not 0"),
    ("{{ a | truncate: 1, '', 2 }}", "arguments", "1:8", "takes 0 to 2 argument(s), not 3"),
    ("{{ a | date: f }}", "arguments", "1:14", "written out in quotes"),
    ("{{ a | date: '%Q' }}", "arguments", "1:14", "%A %B"),
    ("{{ a | date: '%9Y' }}", "arguments", "1:14", "%A %B"),
    ("{{ a | date: '100%' }}", "arguments", "1:14", "%A %B"),
    ("{{ a | date: '%-A' }}", "arguments", "1:14", "%A %B"),
    ("{% for a in b %}", "unsupported", "1:4", "`for` is not in the subset of Liquid"),
    ("{% %}", "unsupported", "1:4", "not in the subset of Liquid"),
    ("{% if %}x{% endif %}", "syntax", "1:7", "expected a value"),
    ("{% if a = 1 %}x{% endif %}", "syntax", "1:9", "`=` means nothing here"),
    ("{% if a contains b %}x{% endif %}", "syntax", "1:9", "a condition is made of"),
    ("{% if a | size %}x{% endif %}", "syntax", "1:9", "a condition is made of"),
    ("{% endif %}", "syntax", "1:4", "belongs to nothing"),
    ("{% else %}", "syntax", "1:4", "belongs to nothing"),
    ("{% if a %}x{% endunless %}", "syntax", "1:15", "write `endif`"),
    ("{% if a %}{% else b %}{% endif %}", "syntax", "1:19", "`else` has no condition"),
    ("{% if a %}{% endif a %}", "syntax", "1:20", "stands alone"),
    ("{% if a %}{% else %}{% else %}{% endif %}", "syntax", "1:24", "comes after `else`"),
    ("{% if a %}{% else %}{% elsif b %}{% endif %}", "syntax", "1:24", "comes after `else`"),
    ("{% if a %}" * 33 + "{% endif %}" * 33, "too_long", "1:324", "nest deeper than 32"),
    ("{{ a" + " | strip" * 17 + " }}", "too_long", "1:136", "more than 16 filters"),
    ("x" * 65_537, "too_long", "", "shorten it to 65536"),
]


@pytest.mark.parametrize(
    ("source", "keyword", "where", "words"), FAULTS, ids=[fault[0][:40] for fault in FAULTS]
)
def test_a_fault_says_what_where_and_what_to_do(source, keyword, where, words):
    """One fault gives one problem, with the pointer, the line and column, and a remedy."""
    with pytest.raises(DocumentError) as caught:
        compile_template(source, pointer="/creatives/0")
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.keyword) == ("/creatives/0", keyword)
    assert problem.message.startswith(where)
    assert words in problem.message


@given(st.text(st.sampled_from("{}%|.:,'\"[]<=-\n 1ab\u00df")) | st.lists(WORDS).map("".join))
def test_any_text_compiles_or_says_why_not(source):
    """Compiling raises nothing but `DocumentError`, whose places lie in the text."""
    try:
        compile_template(source)
    except DocumentError as error:
        for problem in error.problems:
            line, column, _ = problem.message.split(":", 2)
            assert 1 <= int(column) <= len(source.split("\n")[int(line) - 1]) + 1


def test_all_faults_are_said_at_once_in_order():
    """A template with several faults names each, in the order of their places."""
    with pytest.raises(DocumentError) as caught:
        compile_template("{% if == %}\n{{ a | upcas }}\n{% for %}{{")
    places = [problem.message.split(": ")[0] for problem in caught.value.problems]
    assert places == ["1:4", "1:7", "2:8", "3:4", "3:10"]


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_filter_checks_its_number_of_arguments(name):
    """No filter takes one argument more than it declares."""
    surplus = ", ".join(["1"] * (len(FILTERS[name].arguments) + 1))
    with pytest.raises(DocumentError, match="argument"):
        compile_template(f"{{{{ a | {name}: {surplus} }}}}")
