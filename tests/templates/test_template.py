"""What a compiled template promises for any data."""

import math
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.templates import compile_template
from clew.templates.filters import FILTERS
from clew.templates.values import MAX_TEXT

NAMES = st.sampled_from(["a", "b", "c", "size", "first", "last"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["<b>", "'\"&", "2024-02-29", "2024-02-29T13:05:09Z", "1.5", "7", "now"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
VIEWS = st.dictionaries(NAMES, VALUES, max_size=5)
PATHS = st.builds(
    lambda name, steps: name + "".join(steps),
    NAMES,
    st.lists(
        NAMES.map(lambda name: f".{name}") | st.sampled_from(["[0]", "[-1]", "['a']"]), max_size=3
    ),
)
ARGUMENTS = {"text": ["'<x>'", "''"], "a number": ["2", "0", "1.5"], "a whole number": ["3", "-1"]}


@st.composite
def filters(draw):
    """Draw a filter with as many arguments as it takes, written out or read."""
    name = draw(st.sampled_from([*sorted(FILTERS), "default"]))
    if name == "default":
        return "default: " + draw(PATHS | st.sampled_from(["1", "false", "'<y>'"]))
    spec = FILTERS[name]
    arguments = [
        "'%-d %b %Y <%H>'" if kind.literal else draw(PATHS | st.sampled_from(ARGUMENTS[kind.words]))
        for kind in spec.arguments[: draw(st.integers(spec.required, len(spec.arguments)))]
    ]
    return f"{name}: {', '.join(arguments)}" if arguments else name


OUTPUTS = st.builds(
    lambda path, chain: "{{ " + " | ".join([path, *chain]) + " }}",
    PATHS,
    st.lists(filters(), max_size=4),
)
CONDITIONS = st.builds(
    lambda left, mark, right, joint, other: f"{left} {mark} {right} {joint} {other}",
    PATHS,
    st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
    PATHS | st.sampled_from(["1", "'a'", "nil", "true"]),
    st.sampled_from(["and", "or"]),
    PATHS,
)
LITERALS = st.sampled_from(["plain ", "{ ", "}} ", "<b class='x'>", "% "])
SOURCES = st.recursive(
    OUTPUTS | st.sampled_from(["plain ", "{ ", "}} "]),
    lambda inner: (
        st.lists(inner, max_size=3).map("".join)
        | st.builds("{{% if {} %}}{}{{%- else %}}{}{{% endif -%}}".format, CONDITIONS, inner, inner)
        | st.builds("{{% unless {} %}}{}{{% endunless %}}".format, CONDITIONS, inner)
    ),
    max_leaves=6,
)


class Recording(dict):
    """A mapping that notes the dotted path of every name it is asked for."""

    def __init__(self, content, touched, path=""):
        super().__init__()
        self.content, self.touched, self.path = content, touched, path

    def __missing__(self, name):
        path = f"{self.path}.{name}" if self.path else str(name)
        self.touched.add(path)
        value = self.content[name]
        return Recording(value, self.touched, path) if isinstance(value, dict) else value


@given(SOURCES, VIEWS, st.booleans())
def test_rendering_never_raises_and_is_bounded(source, view, escape):
    """For any template and any data the answer is bounded text, or None."""
    text = compile_template(source, escape=escape).render(view)
    assert text is None or len(text) <= MAX_TEXT


@given(OUTPUTS, VIEWS)
def test_an_output_is_never_an_empty_gap(source, view):
    """An output without an empty default is text or refuses to render (C47)."""
    assert compile_template(source).render(view) != ""


@given(OUTPUTS, VIEWS)
def test_a_written_default_at_the_end_always_renders(output, view):
    """An output that ends in a written-out default renders for any data (C47)."""
    source = output.removesuffix("}}") + "| default: 'you' }}"
    assert compile_template(source).render(view)


@given(SOURCES, VIEWS)
def test_escaped_output_has_no_markup(source, view):
    """With escaping, no value and no filter brings markup into the text."""
    text = compile_template(source, escape=True).render(view)
    assert not set(text or "") & set("<>\"'")


@given(SOURCES, VIEWS)
def test_reads_covers_every_path_that_is_touched(source, view):
    """Whatever a rendering asks of the view lies on the way to or under a path in `reads`."""
    touched: set[str] = set()
    template = compile_template(source)
    template.render(Recording(view, touched))
    for path in touched:
        assert any(
            f"{read}.".startswith(f"{path}.") or f"{path}.".startswith(f"{read}.")
            for read in template.reads
        )


@given(SOURCES, VIEWS)
def test_a_lazy_view_renders_as_a_plain_one(source, view):
    """A view that computes its values when asked renders as the values themselves."""
    template = compile_template(source)
    assert template.render(Recording(view, set())) == template.render(view)


@given(st.lists(LITERALS).map("".join))
def test_literal_text_is_the_authors(source):
    """A template without tags is static and renders to itself."""
    template = compile_template(source, escape=True)
    assert template.is_static
    assert template.render({}) == source


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("plain", set()),
        ("{{ a.b }} {{ c[0].d | default: e }}", {"a.b", "c.0.d", "e"}),
        ("{% if x.y > z %}{{ v }}{% else %}{{ w }}{% endif %}", {"x.y", "z", "v", "w"}),
        ("{{ a['b c'] }}", {"a.b c"}),
        ("{{ a['b.c'].d }}", {"a"}),
        ("{{ true }}{{ nil | default: 'x' }}", set()),
    ],
    ids=["none", "outputs", "conditions", "quoted", "dotted name", "literals"],
)
def test_reads_names_paths_of_every_branch(source, reads):
    """`reads` holds the dotted paths of outputs, arguments and conditions, taken or not."""
    assert compile_template(source).reads == reads


def test_a_choice_is_not_static():
    """A template without outputs but with a choice differs from person to person."""
    assert not compile_template("{% if a %}x{% endif %}").is_static


@pytest.mark.parametrize(
    ("source", "view"),
    [
        ("{{ a }}{{ a }}", {"a": "x" * 40_000}),
        ("{{ a | append: a | size }}", {"a": "x" * 65_537}),
        ("{{ a | append: a | size | plus: 1 }}{{ a | append: a }}", {"a": "x" * 40_000}),
        ("{{ a | replace: 'x', a }}", {"a": "x" * 5_000}),
        ("{{ a | replace: '', a }}", {"a": "x" * 5_000}),
        ("{{ a | join: ', ' }}", {"a": ["x" * 60_000] * 500}),
        ("{{ a | times: a | times: a }}", {"a": 2**62}),
        ("{{ a }}", {"a": 10**5_000}),
        ("{{ a }}", {"a": math.inf}),
        ("{{ a }}", {"a": math.nan}),
    ],
    ids=["total", "value", "append", "replace", "between", "join", "times", "digits", "inf", "nan"],
)
def test_what_grows_beyond_bounds_is_missing(source, view):
    """Values, filters and whole texts beyond the bounds give None, and take no memory for it."""
    template = compile_template(source)
    tracemalloc.start()
    try:
        assert template.render(view) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * MAX_TEXT


def test_escaping_cannot_exceed_the_bound():
    """Text that fits only before it is escaped is missing."""
    view = {"a": '"' * 20_000}
    assert compile_template("{{ a }}").render(view) == view["a"]
    assert compile_template("{{ a }}", escape=True).render(view) is None


def test_values_that_are_not_json_are_missing():
    """Objects of other kinds are nil to outputs, conditions and paths."""
    template = compile_template("{% if a %}{{ a }}{% else %}{{ a.b | default: 'none' }}{% endif %}")
    assert template.render({"a": object()}) == "none"


def test_templates_are_equal_by_source_and_escaping():
    """Compiling the same source twice gives equal templates, of different escaping others."""
    assert compile_template("{{ a }}") == compile_template("{{ a }}")
    assert compile_template("{{ a }}") != compile_template("{{ a }}", escape=True)
