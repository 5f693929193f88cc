"""A picture shows what its table says, and nothing where there is nothing."""

import re
from datetime import timedelta
from typing import Any

import pytest

from clew.model.measurement import Effect, Look
from clew.pages.pictures import Picture, pictures
from pages.samples import BEGAN, Document, look, looks, measured

pytest.importorskip("matplotlib", reason="pictures need the extra charts")

#: How far from its place a point may lie, in CSS pixels, beside the rounding of its cell.
NEAR = 0.01


def drawn(given: tuple[Look, ...], title: str) -> Picture:
    """One picture of a measurement with these looks."""
    [picture] = [one for one in pictures(measured(looks=given), "m1") if one.title == title]
    return picture


def heights(picture: Picture, line: str) -> list[float]:
    """The vertical places of the points of a line, from left to right, in the wide picture."""
    root = Document(picture.drawn[1]).root
    [group] = [one for one in root.all("g") if one.attributes.get("id", "").endswith(f"-{line}")]
    (path,) = group.all("path")
    return [float(y) for _, y in re.findall(r"[ML] (\S+) (\S+)", path.attributes["d"])]


def column(picture: Picture, name: str) -> list[str]:
    """The numbers of a column of the table, as texts."""
    assert picture.table is not None
    place = picture.table.columns.index(name)
    cells = (row[place] for row in picture.table.rows)
    return [re.sub(r"[ %,]", "", cell).replace("−", "-") for cell in cells if cell]


def assert_drawn(places: list[float], cells: list[str]) -> None:
    """Every point stands where its number says: the axis is straight, and up is more."""
    numbers = [float(cell) for cell in cells]
    unit = 10.0 ** -len(cells[0].partition(".")[2])
    assert len(places) == len(numbers)
    low, high = numbers.index(min(numbers)), numbers.index(max(numbers))
    scale = (places[high] - places[low]) / (numbers[high] - numbers[low])
    assert scale < 0.0
    near = NEAR + 1.5 * unit * abs(scale)
    assert near < 4.0
    for place, number in zip(places, numbers, strict=True):
        assert place == pytest.approx(places[low] + scale * (number - numbers[low]), abs=near)


@pytest.mark.parametrize(
    ("title", "line", "name"),
    [
        ("Lift over time", "estimate", "lift"),
        ("Lift over time", "lower", "lower"),
        ("People", "counted", "counted"),
        ("People", "subjects", "triggered"),
    ],
)
def test_every_point_is_in_the_table(title: str, line: str, name: str) -> None:
    """A line has a point for each number of its column, where that number puts it."""
    picture = drawn(looks(9), title)
    assert_drawn(heights(picture, line), column(picture, name))


def test_the_steps_are_in_the_table() -> None:
    """The share that fell back has a step for each number of its column."""
    picture = drawn(looks(9), "Fall-backs")
    tops = list(dict.fromkeys(heights(picture, "fallback")))
    assert_drawn(tops, column(picture, "fell back"))


def test_shares_are_stacked_as_the_table_says() -> None:
    """The lowest shares of a stack are those of the creative that is named first."""
    picture = drawn(looks(9), "What was shown in home hero")
    assert picture.table is not None
    assert list(picture.legend.values()) == list(picture.table.columns[1:]) == ["again", "plain"]
    tops = heights(picture, "share-0")[1 : 2 * 9 : 2]
    assert_drawn(tops, column(picture, "again"))


def test_nothing_is_drawn_where_there_is_no_interval() -> None:
    """A gap in the intervals is a gap in the line, an empty cell, and said (M6)."""
    given = tuple(
        look(n, state="still_measuring", absolute=None) if n in {1, 4, 5} else look(n, **known())
        for n in range(1, 9)
    )
    picture = drawn(given, "Lift over time")
    assert picture.table is not None
    assert "Of 8 looks: still measuring at 3, so nothing is drawn there." in picture.caption
    assert picture.legend["rule"] == "no interval"
    assert [row[2] == "" for row in picture.table.rows] == [n in {1, 4, 5} for n in range(1, 9)]
    assert len(heights(picture, "estimate")) == 5
    svg = picture.drawn[1]
    [path] = re.findall(r'-estimate">\s*<path d="([^"]*)"', svg)
    assert path.count("M") == 2


def known() -> dict[str, Any]:
    """What a look that speaks says."""
    return {"state": "measured", "absolute": Effect(estimate=0.1, lower=-0.1, upper=0.3)}


def test_where_all_is_silent_no_lift_is_drawn() -> None:
    """Without any interval there is no picture of the lift, but the rest is drawn."""
    found = pictures(measured(looks=looks(4, state="not_trustworthy", absolute=None)), "m1")
    silent = [one.title for one in found if not one.drawn]
    assert silent == ["Lift over time"]
    assert "not trustworthy at 4, so nothing is drawn at all" in found[0].caption


def test_more_creatives_than_colours_are_one() -> None:
    """The creatives that are shown least are told together, and nothing is lost."""
    shares = {f"c{n}": (n + 1) / 36 for n in range(8)}
    picture = drawn(looks(3, shares={"hero": shares}), "What was shown in hero")
    assert picture.table is not None
    assert picture.table.columns[1:] == ("c7", "c6", "c5", "c4", "c3", "all others")
    assert column(picture, "all others") == ["16.7"] * 3


def test_a_time_in_which_nothing_was_shown_is_a_gap() -> None:
    """Where nobody came there is no share: no step, and an empty cell."""
    given = (look(1), look(2, shares={}, decisions=0, fallback=None), look(3), look(4))
    shown = drawn(given, "What was shown in home hero")
    assert shown.table is not None
    assert [row[1] for row in shown.table.rows] == ["100.0 %", "", "33.3 %", "25.0 %"]
    assert drawn(given, "Fall-backs").table.rows[1][1:] == ("0", "")  # type: ignore[union-attr]


def test_where_nothing_fell_back_there_is_no_picture_of_it() -> None:
    """That nothing fell back is said, not drawn."""
    picture = drawn(looks(3, fallback=0.0), "Fall-backs")
    assert picture.drawn == ()
    assert "0 fell back" in picture.caption


@pytest.mark.parametrize("seconds", [0.002, 5, 600, 86_400, 4e7], ids=str)
def test_any_length_of_time_can_be_drawn(seconds: float) -> None:
    """A second's history and a year's are drawn alike."""
    given = tuple(
        look(n, as_of=BEGAN + timedelta(seconds=seconds * n / 4), **known()) for n in range(1, 5)
    )
    for picture in pictures(measured(looks=given), "m1"):
        assert len(picture.drawn) == 2
