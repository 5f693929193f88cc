"""Views become small, bounded, reproducible vectors."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.engine.features import compile_features

TRAIT = compile_features(["computed.trait"])

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
affinities = st.dictionaries(st.text(), st.floats(0, 1), max_size=20).map(
    lambda shares: {"top": None, "shares": shares}
)
values = (
    scalars
    | affinities
    | st.lists(scalars, max_size=12)
    | st.dictionaries(st.text(), scalars, max_size=4)
)


def of(value):
    """The features of one value, without the bias."""
    x = TRAIT.vector({"computed": {"trait": value}})
    assert x.pop("1") == 1.0
    return x


@pytest.mark.parametrize(
    ("value", "features"),
    [
        pytest.param(True, {"computed.trait": 1.0}, id="true"),
        pytest.param(False, {}, id="false is zero, hence left out"),
        pytest.param(0, {}, id="zero"),
        pytest.param(1, {"computed.trait": 0.2}, id="one"),
        pytest.param(31, {"computed.trait": 1.0}, id="five doublings"),
        pytest.param(-31.0, {"computed.trait": -1.0}, id="negative"),
        pytest.param(10**400, {"computed.trait": 3.0}, id="wider than a float"),
        pytest.param(-math.inf, {"computed.trait": -3.0}, id="infinite"),
        pytest.param(math.nan, {"computed.trait?": 1.0}, id="not a number"),
        pytest.param("gold", {"computed.trait=gold": 1.0}, id="text"),
        pytest.param("g" * 99, {"computed.trait=" + "g" * 64: 1.0}, id="long text"),
        pytest.param("", {"computed.trait?": 1.0}, id="empty text"),
        pytest.param(None, {"computed.trait?": 1.0}, id="null"),
        pytest.param(["a"], {"computed.trait=a": 1.0}, id="one of a list"),
        pytest.param(
            ["b", "a", "b", "", 7, None, "c", "d"],
            {f"computed.trait={name}": 0.5 for name in "abcd"},
            id="a list's distinct texts",
        ),
        pytest.param([], {"computed.trait?": 1.0}, id="empty list"),
        pytest.param([1, 2], {"computed.trait?": 1.0}, id="list without texts"),
        pytest.param(
            {"top": "a", "shares": {"a": 0.75, "b": 0.25}},
            {"computed.trait=a": 0.75, "computed.trait=b": 0.25},
            id="affinity",
        ),
        pytest.param({"top": None, "shares": {}}, {"computed.trait?": 1.0}, id="empty affinity"),
        pytest.param({"any": "thing"}, {"computed.trait?": 1.0}, id="object"),
    ],
)
def test_values_become_numbers(value, features):
    """Each kind of value has its stated features."""
    assert of(value) == pytest.approx(features)


def test_lists_are_cut_to_eight():
    """Only the first eight distinct texts of a list count, and its norm stays one."""
    x = of([f"s{number:02}" for number in range(30)])
    assert list(x) == [f"computed.trait=s{number:02}" for number in range(8)]
    assert math.hypot(*x.values()) == pytest.approx(1.0)


def test_affinities_are_cut_to_the_greatest_eight():
    """Only the eight greatest shares of an affinity count, ties by key."""
    shares = {f"k{number:02}": 0.01 * (number // 4) for number in reversed(range(18))}
    names = {name.removeprefix("computed.trait=") for name in of({"shares": shares})}
    assert names == {"k16", "k17", "k12", "k13", "k14", "k15", "k08", "k09"}


@pytest.mark.parametrize(
    "view",
    [{}, {"computed": {}}, {"computed": None}, {"computed": "text"}, {"computed": ["trait"]}],
    ids=["nothing", "no trait", "null on the way", "text on the way", "list on the way"],
)
def test_missing_paths_are_said_to_be_missing(view):
    """A path that leads nowhere is known as missing, whatever stops it."""
    assert TRAIT.vector(view) == {"1": 1.0, "computed.trait?": 1.0}


def test_views_may_compute_what_is_asked_for():
    """A mapping which computes its values is asked only for the declared paths."""
    asked = []

    class Lazy(dict):
        def __missing__(self, key):
            asked.append(key)
            return 31

    assert TRAIT.vector({"computed": Lazy()}) == {"1": 1.0, "computed.trait": 1.0}
    assert asked == ["trait"]


@given(values)
def test_vectors_are_bounded(value):
    """Whatever a path holds, it gives at most eight features, none above 3, all finite."""
    x = of(value)
    assert len(x) <= 8
    assert all(0.0 < abs(number) <= 3.0 for number in x.values())


@given(st.dictionaries(st.sampled_from("abc"), values), st.permutations("abc"))
def test_vectors_do_not_depend_on_order(view, paths):
    """Order of keys and of declared paths is no matter, not even for the order of the result."""
    x = compile_features(sorted(paths)).vector(view)
    again = compile_features(paths).vector(dict(reversed(view.items())))
    assert list(x.items()) == list(again.items())


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_numbers_keep_their_order(low, high):
    """A greater number never has a smaller feature."""
    low, high = sorted([low, high])
    assert of(low).get("computed.trait", 0.0) <= of(high).get("computed.trait", 0.0)


def test_digest_names_the_set_of_paths():
    """The digest is the same for the same paths in any order, and another for others."""
    digest = compile_features(["context.channel", "segments"]).digest
    assert digest == compile_features(["segments", "context.channel", "segments"]).digest
    assert digest != compile_features(["segments"]).digest
    assert digest != compile_features(["context", "channel", "segments"]).digest


def test_digest_is_stable():
    """State that an earlier release learned is found again: the digest is the same everywhere."""
    paths = ["segments", "context.channel", "computed.usual"]
    assert compile_features(paths).digest == "a2f698ecb1f4d898"
