"""Measurements by hand, and a reader of the pages written of them."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from attrs import Factory, define

from clew.model.measurement import (
    ArmFigures,
    CreativeFigures,
    Effect,
    Look,
    Measurement,
    SampleRatio,
)

__all__ = ["BEGAN", "Document", "Element", "look", "looks", "measured"]

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)

#: Elements of HTML that have no end tag.
_VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})


def look(number: int, **changes: Any) -> Look:
    """The look of a day; nothing was known on the first two."""
    effect = Effect(estimate=0.12 + 0.01 * number, lower=0.4 / -number, upper=0.5, p=0.01)
    usual: dict[str, Any] = {
        "as_of": BEGAN + timedelta(days=number),
        "state": "measured" if number > 2 else "still_measuring",
        "subjects": 100 * number,
        "maturing": 7 * number,
        "absolute": effect if number > 2 else None,
        "decisions": 90 + number,
        "fallback": 0.01 * number,
        "shares": {"home_hero": {"plain": 1.0 / number, "again": 1.0 - 1.0 / number}},
    }
    return Look(**(usual | changes))


def looks(count: int, **changes: Any) -> tuple[Look, ...]:
    """So many days."""
    return tuple(look(number, **changes) for number in range(1, count + 1))


def measured(**changes: Any) -> Measurement:
    """A measurement with a lift, and no looks."""
    usual: dict[str, Any] = {
        "objective": "orders",
        "as_of": BEGAN + timedelta(days=8),
        "estimand": "share of subjects with order_completed within 1 day",
        "state": "measured",
        "holdout": "global",
        "epoch": "e1",
        "arms": (
            ArmFigures(
                arm="treated",
                subjects=9000,
                maturing=120,
                converting=700,
                total=812.5,
                mean=0.0915,
                display_rate=0.0,
            ),
            ArmFigures(arm="holdout", subjects=1000, maturing=11, converting=60, total=69.0),
        ),
        "absolute": Effect(estimate=0.12, lower=0.09, upper=0.15, p=0.001),
        "relative": Effect(estimate=0.38, lower=-0.25, upper=0.52),
        "n_star": 10_000.0,
        "sample_ratio": SampleRatio(
            expected={"treated": 0.9, "holdout": 0.1},
            observed={"treated": 9000, "holdout": 1000},
            p=0.98,
            trustworthy=True,
        ),
        "creatives": (
            CreativeFigures(
                slot="home_hero", creative="again", decisions=6000, share=0.7, displays=5500
            ),
        ),
        "attributed": 690.5,
        "fallbacks": {"deadline": 0.002},
        "excluded": {"bot": 312},
        "late": 4,
        "crossovers": 9,
        "clipped": 2,
        "notes": ("effect is changing",),
    }
    return Measurement(**(usual | changes))


@define
class Element:
    """One element of a page."""

    tag: str
    attributes: dict[str, str]
    children: list["Element | str"] = Factory(list)

    @property
    def text(self) -> str:
        """All words within."""
        parts = (one if isinstance(one, str) else one.text for one in self.children)
        return " ".join(" ".join(parts).split())

    def all(self, tag: str | None = None, **attributes: str) -> list["Element"]:
        """Every element below with this tag and these attributes, in order."""
        found = []
        for one in self.children:
            if isinstance(one, str):
                continue
            fits = all(one.attributes.get(name) == value for name, value in attributes.items())
            if tag in {None, one.tag} and fits:
                found.append(one)
            found += one.all(tag, **attributes)
        return found


class Document(HTMLParser):
    """A page, read; every element must be closed in the order in which it was opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open = [Element("", {})]
        self.feed(page)
        self.close()
        assert len(self.open) == 1, f"left open: {self.open[-1].tag}"

    @property
    def root(self) -> Element:
        """What holds everything."""
        return self.open[0]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that holds nothing."""
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)

    def handle_endtag(self, tag: str) -> None:
        """An element ends: the last that was opened."""
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        """Words."""
        self.open[-1].children.append(data)
