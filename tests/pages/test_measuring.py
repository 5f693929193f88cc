"""The page of measurements says what is known, and shows nothing that is not."""

import re
import sys
from collections import Counter
from typing import Any

import pytest

import clew
from clew.errors import ConfigurationError
from clew.model.measurement import CreativeFigures, Effect, Measurement, SampleRatio
from pages.samples import Document, Element, looks, measured

pytest.importorskip("matplotlib", reason="pages need the extra charts")
pytest.importorskip("jinja2", reason="pages need the extra charts")


def read(*found: Any, **options: Any) -> Element:
    """The page of some measurements."""
    return Document(clew.measurement_page(found, **options)).root


@pytest.fixture(scope="module")
def page() -> str:
    """A page with two measurements, both with pictures."""
    return clew.measurement_page([shown(), shown(objective="revenue")])


def shown(**changes: Any) -> Measurement:
    """A measurement with pictures."""
    return measured(looks=looks(8), **changes)


def test_it_says_the_lift_in_words() -> None:
    """The number comes first, then what it is with its interval, then what that means."""
    root = read(measured())
    assert [one.text for one in root.all("p", **{"class": "headline"})] == ["+0.12"]
    [sentence] = root.all("p", **{"class": "sentence"})
    assert sentence.text == "orders per person, 95 % interval +0.09 to +0.15"
    assert "the whole interval lies above zero" in root.text
    assert "that is +38.0 %, interval −25.0 % to +52.0 %" in root.text


def test_code_in_a_note_is_code() -> None:
    """What a note sets between backticks stands as code, and no backtick is left."""
    notes = ("call `client.report` or load `/_clew/beacon.js`", "nothing <b> to call")
    root = read(measured(notes=notes))
    assert [one.text for one in root.all("code")] == ["client.report", "/_clew/beacon.js"]
    said = [one.text for one in root.all("p", **{"class": "note"})]
    assert said[0].split() == notes[0].replace("`", "").split()
    assert said[1] == notes[1]


def test_a_wide_table_shows_that_it_scrolls() -> None:
    """Every table lies in a region that scrolls, with a shadow where there is more of it."""
    page = clew.measurement_page([shown()])
    root = Document(page).root
    regions = root.all("div", **{"class": "scroll"})
    assert len(regions) == len(root.all("table")) > 0
    style = re.search(r"\.scroll \{(.*?)\}", page, re.DOTALL)
    assert style is not None
    assert "overflow-x: auto" in style[1]
    assert style[1].count("var(--shadow)") == 2


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        pytest.param(0.01, 0.2, "More than without personalisation", id="above"),
        pytest.param(-0.2, -0.01, "Less than without personalisation", id="below"),
        pytest.param(-0.1, 0.1, "No difference is shown", id="around"),
        pytest.param(0.0, 0.1, "No difference is shown", id="touching"),
    ],
)
def test_only_an_interval_beside_zero_is_a_difference(
    lower: float, upper: float, verdict: str
) -> None:
    """An interval that holds zero shows no difference, whatever the estimate is (M3)."""
    effect = Effect(estimate=(lower + upper) / 2, lower=lower, upper=upper)
    assert verdict in read(measured(absolute=effect)).text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("still_measuring", "Still measuring"),
        ("not_trustworthy", "Not trustworthy"),
        ("no_holdout", "Nothing to compare with"),
    ],
)
def test_without_an_interval_there_is_no_number(state: Any, words: str) -> None:
    """Where nothing may be said of the lift, the page says that instead (M6, M8)."""
    silent = looks(8, state=state, absolute=None)
    root = read(measured(state=state, absolute=None, relative=None, looks=silent))
    assert [one.text for one in root.all("p", **{"class": "headline"})] == [words]
    assert "95 % interval +" not in root.text
    assert "so nothing is drawn at all" in root.text
    titles = {one.text for svg in root.all("svg") for one in svg.all("title")}
    assert "Lift over time" not in titles
    assert "People" in titles


def test_all_that_a_measurement_knows_is_there() -> None:
    """Arms, sample ratio, fall-backs, what was left out and the notes are told (F3, M8, M9)."""
    text = read(measured()).text
    for part in (
        "share of subjects with order_completed within 1 day",
        "effect is changing",
        "treated 9,000 120 700 812.5 0.0915 0.0 %",
        "holdout 1,000 11 60 69",
        "as it should be: treated 9,000 (expected 90.0 %), holdout 1,000 (expected 10.0 %)",
        "home hero again 6,000 70.0 % 5,500",
        "0.2 % deadline",
        "312 of bot traffic",
        "Outcomes after their subject was counted 4",
        "Linked ids of differing arms 9",
        "Values cut to the objective's bounds 2",
        "690.5 (a description, no lift)",
        "tightest at 10,000 people",
    ):
        assert part in text


def test_a_sample_ratio_that_fails_is_told() -> None:
    """Arms of the wrong sizes are not as they should be (M8)."""
    ratio = SampleRatio(
        expected={"treated": 0.5, "holdout": 0.5},
        observed={"treated": 900, "holdout": 100},
        p=0.0,
        trustworthy=False,
    )
    found = measured(state="not_trustworthy", absolute=None, sample_ratio=ratio)
    assert "not as it should be: treated 900" in read(found).text


def test_a_test_of_creatives_is_shown_where_there_is_one() -> None:
    """An interval of a creative is shown only where the measurement has it (M9)."""
    [creative] = measured().creatives
    tested = CreativeFigures(
        slot="s",
        creative="c",
        decisions=1,
        share=0.3,
        displays=1,
        interval=Effect(estimate=0.2, lower=0.1, upper=0.3),
    )
    assert "against the default" not in read(measured()).text
    text = read(measured(creatives=(creative, tested))).text
    assert "against the default" in text
    assert "+0.20 (+0.10 to +0.30)" in text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param((), "No history was asked for", id="not asked"),
        pytest.param(looks(1), "There is no time between the looks", id="one look"),
        pytest.param(
            tuple(looks(1) * 3), "There is no time between the looks", id="all at one instant"
        ),
    ],
)
def test_without_a_history_there_are_no_pictures(given: Any, said: str) -> None:
    """A page of a measurement alone has no pictures and says why."""
    root = read(measured(looks=given))
    assert root.all("svg") == []
    assert said in root.text


def test_nothing_at_all_can_be_measured() -> None:
    """A policy without objectives gives a page that says so."""
    assert "no slot has an objective" in read().text


def test_several_measurements_have_a_list(page: str) -> None:
    """Each of several measurements is reached by a link at the top."""
    root = Document(page).root
    assert [one.text for one in root.all("nav")[0].all("a")] == [
        "+0.12 orders against global",
        "+0.12 revenue against global",
    ]


def test_ids_are_unique_and_links_lead_somewhere(page: str) -> None:
    """No id is there twice, and whatever is referred to is there."""
    elements = Document(page).root.all()
    ids = Counter(one.attributes["id"] for one in elements if "id" in one.attributes)
    assert [name for name, count in ids.items() if count > 1] == []
    wanted = set[str]()
    for one in elements:
        wanted |= {one.attributes.get("href", "#")[1:]}
        wanted |= set(one.attributes.get("aria-labelledby", "").split())
        wanted |= set(re.findall(r"url\(#([^)]+)\)", one.attributes.get("clip-path", "")))
    assert len(wanted) > 20
    assert wanted - {""} <= ids.keys()


def test_it_asks_nothing_of_any_network(page: str) -> None:
    """Nothing in the page is loaded: no script, no frame, no address but its own fragments."""
    elements = Document(page).root.all()
    assert {one.tag for one in elements} & {"script", "link", "img", "iframe", "object"} == set()
    for one in elements:
        assert "src" not in one.attributes
        assert one.attributes.get("href", "#").startswith("#")
    assert "://" not in page
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []


def test_every_picture_is_named_and_described(page: str) -> None:
    """A screen reader is told of each picture what it shows."""
    pictures = Document(page).root.all("svg")
    assert len(pictures) == 16
    for one in pictures:
        title, description = one.attributes["aria-labelledby"].split()
        assert one.attributes["role"] == "img"
        assert one.all("title", id=title)[0].text
        assert len(one.all("desc", id=description)[0].text) > 20


def test_every_colour_follows_the_scheme(page: str) -> None:
    """Each colour in the page is a variable which both the light and the dark scheme set."""
    light, dark = re.findall(r":root \{([^}]*)\}", page)
    assert page.index("prefers-color-scheme: dark") < page.index(dark)
    used = set(re.findall(r"var\((--[a-z0-9-]+)\)", page))
    assert len(used) > 6
    for scheme in (light, dark):
        assert used <= set(re.findall(r"(--[a-z0-9-]+):", scheme))
    body = page.partition("</style>")[2]
    assert re.findall(r"#[0-9a-fA-F]{6}\b", body) == []


def test_the_same_measurements_give_the_same_page(page: str) -> None:
    """Nothing in the page depends on when it is written."""
    assert clew.measurement_page([shown(), shown(objective="revenue")]) == page


def test_matplotlib_is_left_as_it_was() -> None:
    """The settings of the process are the same after a page was written."""
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    clew.measurement_page([shown()])
    assert dict(mpl.rcParams) == before


def test_words_are_no_markup() -> None:
    """Whatever is in a title or a note is shown as it is."""
    root = read(measured(notes=("<b>1 & 2</b>",)), title="<script>alert(1)</script>")
    assert root.all("script") == []
    assert root.all("title")[0].text == "<script>alert(1)</script>"
    assert "<b>1 & 2</b>" in root.text


@pytest.mark.parametrize("absent", ["matplotlib", "jinja2"])
def test_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, absent: str) -> None:
    """Without the extra the page is refused with the command that installs it."""
    from clew.pages import measuring

    measuring._template.cache_clear()
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(ConfigurationError, match=rf"{absent}.*pip install '\.\[charts\]'"):
        clew.measurement_page([shown()])
