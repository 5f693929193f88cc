"""How pages are made: Jinja templates with slots, and what stands around each page."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from clew_edge import SlotExtension

from .basket import Basket
from .catalogue import BY_NAME, EXTRAS, MENU, PIZZAS
from .drawing import toppings

__all__ = ["ENV", "page"]

ENV = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    extensions=[SlotExtension],
)
ENV.globals.update(pizzas=PIZZAS, extras=EXTRAS, menu=MENU, by_name=BY_NAME, toppings=toppings)
ENV.filters["euro"] = lambda cents: f"€{cents / 100:.2f}"

#: Nothing is inline and nothing comes from elsewhere, neither ours nor what clew adds.
CSP = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def page(request: Request, name: str, **shown: Any) -> Response:
    """Render a page."""
    headers = {"content-security-policy": CSP}
    return TEMPLATES.TemplateResponse(request, name, shown, headers=headers)


def _around(request: Request) -> dict[str, Any]:
    """What every page shows: the basket, and whether this visitor lets us personalise."""
    return {
        "basket": Basket.from_cookies(request.cookies),
        "allowed": request.state.clew.subject is not None,
        "asked": "asked" in request.cookies,
    }


TEMPLATES = Jinja2Templates(env=ENV, context_processors=[_around])
