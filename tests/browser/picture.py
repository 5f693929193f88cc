"""
Draws the README's picture, `examples/two_visitors.png`: `python -m browser.picture` in `tests`.

The demo's shop is opened, 1,300 simulated visitors come by, and everybody's window ends. Then two
more come in real windows, which are photographed with the page of measurements, and put together as
they are. It takes two minutes, Chromium, and `pip install '.[all]' playwright`.
"""

import asyncio
import logging
import shutil
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

import httpx
from attrs import asdict, frozen
from playwright.sync_api import Browser, Page, sync_playwright

from browser.forno import DESKTOP, allow, hero, press, window
from clew.cli.demo.serving import served
from clew.cli.demo.shop import HOLDOUT_SHARE, WINDOW_SECONDS, open_shop
from clew.cli.demo.visitors import Visitors

TARGET = Path(__file__).parents[2] / "examples/two_visitors.png"
VISITORS = 1_300
SEED = 7
#: For a decision, in milliseconds: a picture has time.
PATIENCE = 60_000.0

#: Width of the picture and of what stands in it side by side, in CSS pixels.
WIDTH, HALF = 1_400, 668
#: A visitor's window, which is shown smaller than it is.
SCREEN = {"width": 960, "height": 628}


@frozen
class Shots:
    """What was photographed, as PNG."""

    knowing: bytes
    new: bytes
    lift: bytes
    course: bytes


def main() -> None:
    """Run the demo, take the photographs, and write the picture."""
    logging.getLogger("clew").setLevel(logging.ERROR)
    with TemporaryDirectory() as folder:
        shop = open_shop(f"sqlite:///{folder}/demo.db", seed=SEED)
        for middleware in shop.app.user_middleware:
            middleware.kwargs["deadline_ms"] = PATIENCE
        with shop.client, served(shop.app, 0) as address:
            asyncio.run(simulated(address, shop.mark))
            sleep(WINDOW_SECONDS)
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
                )
                TARGET.write_bytes(composed(chromium, photographed(chromium, address)))
                chromium.close()


async def simulated(address: str, mark: Mapping[str, str]) -> None:
    """Let the simulated visitors come."""
    http = httpx.AsyncClient(base_url=address, headers=mark, trust_env=False, timeout=60)
    async with http:
        visitors = Visitors(http, SEED, null=False)
        while visitors.count < VISITORS:
            await visitors.visit()


def photographed(chromium: Browser, address: str) -> Shots:
    """Take the photographs; first the measurement, which is of the simulated visitors alone."""
    with chromium.new_page(viewport={"width": HALF + 48, "height": 900}) as page:
        page.goto(f"{address}/_clew/measure")
        page.add_style_tag(content=CUT)
        course = page.locator("article figure").first.screenshot()
        page.add_style_tag(content="figure, section { display: none }")
        lift = page.locator("article").screenshot()
    return Shots(
        knowing=front_page(chromium, address, look_around, {"your_usual"}),
        new=front_page(chromium, address, allow, {"free_delivery", "two_for_one"}),
        lift=lift,
        course=course,
    )


def look_around(page: Page) -> None:
    """Look at two pizzas, and let the shop remember; then come to the front page."""
    page.goto("/pizza/verde")
    press(page, "text=Yes, remember")
    page.goto("/pizza/diavola")
    page.goto("/")


def front_page(
    chromium: Browser, address: str, come: Callable[[Page], None], wanted: set[str]
) -> bytes:
    """Photograph the first visitor for whom one of the wanted creatives was drawn."""
    look = DESKTOP | {"viewport": SCREEN, "device_scale_factor": 2, "color_scheme": "light"}
    while True:
        with window(chromium, address, timers=True, **look) as page:
            come(page)
            if hero(page)["creative"] in wanted:
                return page.screenshot()


def composed(chromium: Browser, shots: Shots) -> bytes:
    """Put the photographs together."""
    with chromium.new_page(viewport={"width": WIDTH, "height": 600}) as page:
        page.set_content(
            FRAME.format(
                half=HALF,
                visitors=f"{VISITORS:,}",
                held=100 * HOLDOUT_SHARE,
                **{name: b64encode(png).decode() for name, png in asdict(shots).items()},
            )
        )
        page.wait_for_function("() => [...document.images].every((one) => one.complete)")
        return page.screenshot(full_page=True)


#: Leaves of the page of measurements its top; the last label of the axis overhangs the figure.
CUT = """
  header, details { display: none }
  article { margin: 0; border: 0; padding: 0 }
  figure { padding-right: 20px }
"""

FRAME = """<!doctype html>
<style>
  body {{
    display: grid; grid-template-columns: {half}px {half}px; justify-content: center;
    gap: 36px 24px; margin: 0; padding: 24px 0 28px; background: #fbfaf7; color: #1c2226;
    font: 17px/1.5 system-ui, "Noto Sans", sans-serif;
  }}
  figure {{ margin: 0 }}
  figcaption {{ padding-bottom: 8px }}
  figcaption, footer {{ color: #5c666d }}
  b {{ color: #1c2226; font-weight: 600 }}
  figure img {{
    display: block; width: 100%; border: 1px solid #ddd5c6; border-radius: 14px;
    box-sizing: border-box; box-shadow: 0 6px 22px rgb(60 40 10 / 12%);
  }}
  footer {{ grid-column: 1 / -1; font-size: 15px; text-align: center }}
</style>
<figure>
  <figcaption><b>A visitor</b> who looked at two pizzas</figcaption>
  <img src="data:image/png;base64,{knowing}">
</figure>
<figure>
  <figcaption><b>A visitor</b> who is new, at the same time</figcaption>
  <img src="data:image/png;base64,{new}">
</figure>
<img src="data:image/png;base64,{lift}">
<img src="data:image/png;base64,{course}">
<footer>
  The shop of <b>clew demo</b> after {visitors} simulated visitors, {held:.0f} % of them held out,
  and its own page of what personalising earned.
</footer>
"""

if __name__ == "__main__":
    main()
