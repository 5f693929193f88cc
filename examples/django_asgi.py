"""
clew in Django: a slot in a template, consent, and an order to learn from.

Needs clew and Django: `pip install '.[edge,server]' django` in clew's folder. Then

    python django_asgi.py              (or: uvicorn django_asgi:app)

and http://127.0.0.1:8000 in two browsers: each that agrees is shown one of two headlines, and the
one that sells is drawn more often.
"""

import atexit
import os

import uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management.utils import get_random_secret_key
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST

from clew import Client, Visitor
from clew_edge import ClewMiddleware

HERO = {"id": "hero", "strategy": "bandit", "objective": "orders", "default": "plain"}
POLICY = {
    "id": "pizza",
    "version": "1",
    "purposes": [{"id": "personalise", "basis": "consent", "value": "offers that suit you"}],
    "objectives": [{"id": "orders", "signal": "order_placed"}],
    "slots": [{**HERO, "purpose": "personalise", "fields": {"html": {"type": "html"}}}],
    "creatives": [
        {"id": id, "version": "1", "slots": ["hero"], "content": {"en": {"html": html}}}
        for id, html in [("plain", "<h1>Fresh pizza</h1>"), ("pair", "<h1>Two for one</h1>")]
    ],
}
HOME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Pizza</title></head><body>
<clew-slot name="hero"><h1>Fresh pizza</h1></clew-slot>
<form method="post">{% csrf_token %}
<button formaction="/order">Order</button>
{% if known %}<button formaction="/consent/withdraw">Stop personalising</button>
{% else %}<button formaction="/consent/grant">Personalise this page</button>{% endif %}
</form>
<p><a href="/_clew/why">Why am I seeing this?</a></p>
</body></html>"""

LOADER = ("django.template.loaders.locmem.Loader", {"home.html": HOME})
TEMPLATES = "django.template.backends.django.DjangoTemplates"
settings.configure(
    SECRET_KEY=os.environ.get("SECRET_KEY") or get_random_secret_key(),
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
    TEMPLATES=[{"BACKEND": TEMPLATES, "OPTIONS": {"loaders": [LOADER]}}],
)
client = Client("sqlite:///django.db", policy=POLICY)
atexit.register(client.close)  # what is on its way is stored by then


def visitor_of(request: HttpRequest) -> Visitor:
    """Give whom this request comes from, as the middleware put it beside the request."""
    return request.scope["state"]["clew"]


def home(request: HttpRequest) -> HttpResponse:
    """Render the page with the slot's default in it; clew fills the slot as the page goes out."""
    known = visitor_of(request).subject is not None
    return render(request, "home.html", {"known": known})


@require_POST
def consent(request: HttpRequest, choice: str) -> HttpResponse:
    """Keep what the visitor allows; the cookie comes and goes with it."""
    visitor_of(request).consent(**{choice: ["personalise"]}, source="home_page")
    return redirect("/")


@require_POST
def order(request: HttpRequest) -> HttpResponse:
    """Take the order; the signal is what the policy's objective counts."""
    if visitor_of(request).subject is not None:  # nobody is known who did not agree
        visitor_of(request).emit("order_placed")
    return redirect("/")


urlpatterns = [
    path("", home),
    path("order", order),
    path("consent/grant", consent, {"choice": "grant"}),
    path("consent/withdraw", consent, {"choice": "withdraw"}),
]

# dev: a cookie for http on this machine; leave it out where there is HTTPS
app = ClewMiddleware(get_asgi_application(), client=client, identity="cookie", dev=True)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")), lifespan="off")
