"""
Drawing with matplotlib, made fit for a page that has styles of its own.

What comes out is a bare `<svg>`: its colours are CSS variables, its text is text, it names and
describes itself to a screen reader, and no id in it is that of another picture. The same picture
gives the same bytes.
"""

import re
import threading
from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING, TypeAlias
from xml.etree import ElementTree as ET

from attrs import frozen

from clew.pages.dates import marks
from clew.pages.needs import need

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["NARROW", "SERIES", "WIDE", "Drawing", "Size", "colour", "draw"]

Drawing: TypeAlias = "Callable[[Axes], None]"


@frozen
class Size:
    """How large a picture is, in CSS pixels, and how many dates fit under it."""

    name: str
    width: int
    height: int
    dates: int


NARROW = Size("narrow", 342, 220, 4)
WIDE = Size("wide", 680, 280, 7)

#: The variables of the page's style sheet, in the order of their stand-ins.
SERIES = ("series-1", "series-2", "series-3", "series-4", "series-5", "series-6")
_VARIABLES = ("ink", "muted", "rule", "accent", *SERIES)

#: Around the axes, in CSS pixels: the same for all, so that their times lie below each other.
_LEFT, _RIGHT, _BOTTOM, _TOP = 50.0, 6.0, 30.0, 10.0

#: matplotlib's canvas knows points of 72 to the inch, and its SVG has one unit for each.
_UNITS_PER_INCH = 72.0

_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"
_INTERNAL = re.compile(r"url\(#|^#(?=.)")

#: matplotlib's settings belong to the process: pictures are drawn one at a time.
_DRAWING = threading.Lock()


def colour(name: str) -> str:
    """Give the colour that stands for a variable of the style sheet while matplotlib draws."""
    return f"#0c1e{_VARIABLES.index(name):02x}"


def draw(drawing: Drawing, size: Size, *, key: str, title: str, description: str) -> str:
    """
    Draw a picture whose horizontal axis is time.

    Args:
        drawing: draws on the axes.
        key: begins every id.

    Returns:
        An SVG element.

    Raises:
        ConfigurationError: matplotlib is not installed.
    """
    with _DRAWING, need("matplotlib").rc_context(_settings()):
        text = _drawn(drawing, size)
    return _fitted(text, f"{key}-{size.name}", title, description)


def _settings() -> dict[str, object]:
    muted = colour("muted")
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": "clew",
        "font.size": 12.0,
        "text.color": muted,
        "xtick.color": muted,
        "ytick.color": muted,
        "xtick.major.size": 0.0,
        "ytick.major.size": 0.0,
        "xtick.major.pad": 8.0,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "axes.xmargin": 0.0,
        "axes.spines.left": False,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.spines.bottom": False,
        "axes.unicode_minus": True,
        "grid.color": colour("rule"),
        "grid.linewidth": 1.0,
    }


def _drawn(drawing: Drawing, size: Size) -> str:
    # Neither pyplot nor a window: a figure on its own is collected as any object is.
    figure = need("matplotlib.figure").Figure(
        figsize=(size.width / _UNITS_PER_INCH, size.height / _UNITS_PER_INCH),
        facecolor="none",
    )
    left, bottom = _LEFT / size.width, _BOTTOM / size.height
    right, top = 1.0 - _RIGHT / size.width, 1.0 - _TOP / size.height
    axes = figure.add_axes((left, bottom, right - left, top - bottom), facecolor="none")
    axes.locator_params(axis="y", nbins=5)
    drawing(axes)
    dates = need("matplotlib.dates")
    since, until = (dates.num2date(edge) for edge in axes.get_xlim())
    chosen = marks(since, until, most=size.dates)
    axes.set_xticks([at for at, _ in chosen], [text for _, text in chosen])
    written = StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(written, format="svg", metadata=nothing)
    return written.getvalue()


def _fitted(text: str, key: str, title: str, description: str) -> str:
    for number, name in enumerate(_VARIABLES):
        text = text.replace(f"#0c1e{number:02x}", f"var(--{name})")
    svg = ET.fromstring(text)  # noqa: S314 - written by ourselves, just now
    for element in svg.iter():
        _rename(element, key)
    for child in list(svg):
        is_style = child.find(f"{{{_SVG}}}style") is not None
        if is_style or child.tag == f"{{{_SVG}}}metadata":
            svg.remove(child)  # it is the page that styles
    for tag, words in (("desc", description), ("title", title)):
        named = ET.Element(f"{{{_SVG}}}{tag}", id=f"{key}-{tag}")
        named.text = words
        svg.insert(0, named)
    view = svg.attrib["viewBox"]
    svg.attrib.clear()
    svg.attrib |= {
        "viewBox": view,
        "class": key.rpartition("-")[2],
        "role": "img",
        "aria-labelledby": f"{key}-title {key}-desc",
    }
    # In HTML an svg has its namespace by its name.
    for element in svg.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
    return ET.tostring(svg, encoding="unicode")


def _rename(element: ET.Element, key: str) -> None:
    """Put the picture's key before the ids that an element has and refers to."""
    if "id" in element.attrib:
        element.attrib["id"] = f"{key}-{element.attrib['id']}"
    if _LINK in element.attrib:
        element.attrib["href"] = element.attrib.pop(_LINK)
    for name in ("href", "clip-path"):
        if name in element.attrib:
            element.attrib[name] = _INTERNAL.sub(rf"\g<0>{key}-", element.attrib[name])
