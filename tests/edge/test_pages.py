"""Pages whose slots are filled."""

import asyncio
import gzip
import json
from datetime import UTC, datetime

import pytest
from jinja2 import DictLoader, Environment, TemplateRuntimeError

from clew import Decision
from clew_edge import ClewMiddleware, SlotExtension, fragments
from client.worlds import creative, policy, slot
from edge.asgi import answering, ask, eventually, html, page, start
from edge.worlds import allow, shop_client, voided

SLOT = b'<h1><clew-slot name="hero"><i>default</i></clew-slot></h1>'
#: What pages are told by header; and time enough on a busy machine.
MOODY = {
    "context": lambda request: {"mood": request.headers.get("x-mood", "calm")},
    "deadline_ms": 30_000,
}
LOUD = [("accept", "text/html"), ("x-mood", "loud")]


def run(client, *messages, ask_with=None, **options):
    """One answer of a page with these messages."""
    app = ClewMiddleware(answering(*messages), client=client, **MOODY | options)
    return asyncio.run(ask(app, **ask_with or {}))


def state_of(answer):
    """What was handed over."""
    _, _, rest = answer.text.partition('id="clew-state"')
    return json.loads(rest.partition(">")[2].partition("</script>")[0])


def test_a_slot_shows_what_was_decided():
    """The content's html, sanitised, stands where the default stood; all else is as it was."""
    with shop_client() as client:
        answer = run(
            client, html(), *page(b"<p>a</p>" + SLOT + b"<p>z</p>"), ask_with={"headers": LOUD}
        )
    assert answer.shown == (
        '<p>a</p><h1><clew-slot name="hero"><b>LOUD pizza</b></clew-slot></h1><p>z</p>'
    )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_how_the_page_is_cut_into_pieces_changes_nothing(size):
    """Any chunking gives the same bytes."""
    whole = b"<p>a</p>" + SLOT + b"<p>z</p>"
    chunks = [whole[i : i + size] for i in range(0, len(whole), size)]
    with shop_client() as client:
        answer = run(client, html(), *page(*chunks), ask_with={"headers": LOUD})
    assert answer.shown == (
        '<p>a</p><h1><clew-slot name="hero"><b>LOUD pizza</b></clew-slot></h1><p>z</p>'
    )


def test_every_page_of_a_slotted_route_is_private_whatever_was_decided():
    """Validators, shared caching and the length of the default page go; the rest stays."""
    with shop_client() as client:
        answer = run(
            client,
            html(etag='"1"', cache_control="public, max-age=60", content_length="3", x_own="1"),
            *page(b"abc"),
        )
    assert answer.headers == {
        "content-type": "text/html; charset=utf-8",
        "x-own": "1",
        "cache-control": "private, no-cache",
    }
    assert answer.body == b"abc"


def test_head_has_the_headers_of_get_and_decides_nothing():
    """The length of the default page is not told either, and nothing is decided."""
    with shop_client() as client:
        answer = run(
            client,
            html(content_length="58"),
            *page(b""),
            ask_with={"method": "HEAD"},
            routes={"/": ["hero"]},
        )
        assert client.decisions("nobody") == []
    assert "content-length" not in answer.headers
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.body == b""


def test_a_slot_that_the_policy_does_not_have_keeps_its_default():
    """An unknown slot is not worth a broken page."""
    with shop_client() as client:
        answer = run(client, html(), *page(b'<clew-slot name="heroo">default</clew-slot>'))
        assert client.losses["unknown_slot"] == 1
    assert answer.shown == '<clew-slot name="heroo">default</clew-slot>'


def test_a_slot_inside_the_default_of_another_is_decided_when_the_other_keeps_its_default():
    """The outer wins where it is filled; else the inner is filled."""
    nested = b'<clew-slot name="%s">a<clew-slot name="side">b</clew-slot>c</clew-slot>'
    with shop_client() as client:
        filled = run(client, html(), *page(nested % b"hero"))
        kept = run(client, html(), *page(nested % b"no_such"))
    assert filled.shown == '<clew-slot name="hero"><b>Fresh pizza</b></clew-slot>'
    assert kept.shown == (
        '<clew-slot name="no_such">a<clew-slot name="side"><b>Tea</b></clew-slot>c</clew-slot>'
    )


def test_content_that_looks_like_a_slot_is_none():
    """What fills a slot is not looked into again."""
    with shop_client() as client:
        answer = run(
            client,
            html(),
            *page(SLOT),
            render=lambda decision: '<clew-slot name="side">x</clew-slot>',
        )
    assert '<clew-slot name="side">x</clew-slot>' in answer.shown


def test_the_page_is_told_what_was_decided_for_it():
    """Decision, creative, reason, token and content of each slot, safe inside a script."""
    with shop_client() as client:
        subject = allow(client, "ada")
        answer = run(
            client,
            html(),
            *page(b'<clew-slot name="side"></clew-slot>'),
            ask_with={"headers": LOUD},
            subject=lambda request: subject,
        )
        told = state_of(answer)
        assert client.report(told["slots"]["side"]["token"], "displayed") == "applied"
    assert told["v"] == 1
    assert told["post"] == "/_clew/outcomes"
    assert told["slots"]["side"]["creative"] == "noise"
    assert told["slots"]["side"]["content"]["headline"] == "Coffee <now>"
    assert "<now>" not in answer.text.partition("clew-state")[2]
    assert answer.text.endswith('<script src="/_clew/beacon.js" defer></script>')


def test_a_page_without_slots_gets_nothing_added():
    """Not a byte."""
    with shop_client() as client:
        assert run(client, html(), *page(b"<p>a", b"b</p>")).body == b"<p>ab</p>"


def test_the_scripts_carry_the_nonce_of_the_pages_own_policy():
    """A strict Content Security Policy is kept."""
    with shop_client() as client:
        answer = run(
            client,
            html(content_security_policy="script-src 'nonce-R4nd0m+/=='; object-src 'none'"),
            *page(SLOT),
        )
    assert answer.text.count('nonce="R4nd0m+/=="') == 2


def test_what_a_view_asked_for_and_what_the_page_shows_agree():
    """One memo per request: the same decision, decided once."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["state"]["clew"].decide("hero"))
        await answering(html(), *page(SLOT))(scope, receive, send)

    with shop_client() as client:
        answer = asyncio.run(ask(ClewMiddleware(app, client=client, **MOODY)))
    assert state_of(answer)["slots"]["hero"]["decision"] == seen[0].id


def test_a_compressed_page_whose_view_has_asked_is_private_too():
    """What carries a decision is nobody else's, even where the body cannot be touched."""
    body = gzip.compress(b"<h1>for you alone</h1>")

    async def app(scope, receive, send):
        scope["state"]["clew"].decide("hero")
        await answering(html(content_encoding="gzip", etag='"1"'), *page(body))(
            scope, receive, send
        )

    with shop_client() as client:
        answer = asyncio.run(ask(ClewMiddleware(app, client=client, **MOODY)))
    assert answer.body == body
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "etag" not in answer.headers


def test_a_fragment_that_fails_keeps_the_default_and_voids_the_decision():
    """A broken template is logged, and nobody learns from what was not shown."""

    def broken(decision):
        raise RuntimeError("no such template")

    with shop_client() as client:
        subject = allow(client, "ada")
        answer = run(client, html(), *page(SLOT), render=broken, subject=lambda request: subject)
        asyncio.run(eventually(lambda: voided(client)))
        assert voided(client) == 1
        assert client.decisions(subject) == []
    assert answer.body == SLOT


def test_a_hook_that_fails_leaves_the_page_as_for_a_stranger():
    """The application's own callables may break; the page does not."""

    def broken(request):
        raise RuntimeError("no session")

    with shop_client() as client:
        answer = run(client, html(), *page(SLOT), subject=broken, context=broken, traffic=broken)
    assert "<b>Fresh pizza</b>" in answer.shown


def test_hooks_may_be_asynchronous():
    """An application may look into its own store for who asks."""

    async def mood(request):
        await asyncio.sleep(0)
        return {"mood": "loud"}

    with shop_client() as client:
        assert "LOUD" in run(client, html(), *page(SLOT), context=mood).shown


def test_what_is_filled_in_is_written_in_the_pages_encoding():
    """A character that the page's encoding lacks becomes a reference."""
    with shop_client() as client:
        answer = run(
            client,
            html(content_type="text/html; charset=windows-1252"),
            *page("é".encode("cp1252") + SLOT),
            render=lambda decision: "é 日 😀",
        )
    assert answer.body.startswith("é".encode("cp1252"))
    assert "é &#26085; &#128512;".encode("cp1252") in answer.body


# -- the template tag

TEMPLATE = (
    '<h1>{% slot "hero" as hero %}{{ hero.headline | default("Bread & wine") }}{% endslot %}</h1>'
)


def templated(source=TEMPLATE, **environment):
    """An application that renders a template with its request."""
    env = Environment(autoescape=True, extensions=[SlotExtension], **environment)
    template = env.from_string(source)

    class Request:
        def __init__(self, scope):
            self.scope = scope

    async def app(scope, receive, send):
        request = Request(scope)
        body = (
            await template.render_async(request=request)
            if env.is_async
            else template.render(request=request)
        )
        await answering(html(), *page(body.encode()))(scope, receive, send)

    return app, template


@pytest.mark.parametrize("enable_async", [False, True], ids=["plain", "async"])
def test_a_templates_slot_is_rendered_with_the_content_of_its_decision(enable_async):
    """The tag's body has one markup for the default and for every creative."""
    app, _ = templated(enable_async=enable_async)
    with shop_client() as client:
        answer = asyncio.run(ask(ClewMiddleware(app, client=client, **MOODY), headers=LOUD))
    assert answer.shown == "<h1><!--clew:hero-->LOUD pizza<!--/clew--></h1>"


def test_content_is_escaped_where_the_template_puts_it():
    """A creative cannot bring markup into a field of text."""
    app, _ = templated('{% slot "side" as side %}{{ side.headline }}{% endslot %}')
    with shop_client() as client:
        answer = asyncio.run(ask(ClewMiddleware(app, client=client, **MOODY), headers=LOUD))
    assert "Coffee &lt;now&gt;" in answer.shown


def test_without_the_middleware_a_template_shows_its_default():
    """The same template serves a page, a preview or an e-mail."""
    _, template = templated()
    assert template.render() == "<h1>Bread &amp; wine</h1>"


def test_a_visitors_text_cannot_claim_a_slot_of_a_template():
    """The marks hold a nonce of the response; comments that look like them are comments."""
    forged = "<!--clew:hero-->mine<!--/clew-->"
    app, _ = templated(forged + TEMPLATE)
    with shop_client() as client:
        answer = asyncio.run(ask(ClewMiddleware(app, client=client, **MOODY)))
    assert answer.shown.startswith(forged)


def test_a_slot_may_stand_twice_in_a_page():
    """Each place has its own markup, and both show the one decision."""
    app, _ = templated(
        '{% slot "hero" as a %}1 {{ a.headline }}{% endslot %}'
        '{% slot "hero" as b %}2 {{ b.headline }}{% endslot %}'
    )
    with shop_client() as client:
        answer = asyncio.run(ask(ClewMiddleware(app, client=client, **MOODY)))
    assert "1 Fresh pizza" in answer.shown
    assert "2 Fresh pizza" in answer.shown


def test_slots_of_plain_html_are_rendered_by_templates_of_their_own():
    """`fragments` renders `slots/<slot>.html` with the content's fields by name."""
    env = Environment(
        autoescape=True, loader=DictLoader({"slots/hero.html": "<em>{{ headline }}</em>"})
    )
    with shop_client() as client:
        answer = run(client, html(), *page(SLOT), render=fragments(env))
    assert "<em>Fresh pizza</em>" in answer.shown


def test_start_messages_keep_what_they_carry():
    """A start message has more than headers: trailers are announced there."""
    with shop_client() as client:
        answer = run(client, html() | {"trailers": True}, *page(SLOT))
    assert answer.messages[0]["trailers"] is True


def test_content_without_html_is_told_of_once(caplog):
    """An element shows the field `html`; where there is none the log says so, not the page."""
    bare = policy(slots=[slot("hero", "priority")], creatives=[creative("plain", "hero")])
    with shop_client(bare) as client:
        assert run(client, html(), *page(SLOT, SLOT)).body == SLOT + SLOT
    [said] = [message for message in caplog.messages if "no field `html`" in message]
    assert said.startswith("slot 'hero': creative 'plain'")


def test_a_template_without_a_request_is_told_of_once(caplog):
    """A slot that no request can fill keeps its default, and the log says what is missing."""
    page = Environment(autoescape=True, extensions=[SlotExtension]).from_string(
        '{% slot "never_given" as content %}by itself{% endslot %}'
    )
    assert [page.render(), page.render(), page.render(request=None)] == ["by itself"] * 3
    assert len(caplog.records) == 1
    assert "pass request=request" in caplog.text


def test_a_compressed_page_with_slots_is_told_of_once(caplog):
    """Compression inside of the middleware is a mistake that nobody sees in the browser."""
    messages = [html(content_encoding="gzip"), *page(b"...")]
    with shop_client() as client:
        app = ClewMiddleware(answering(*messages), client=client)
        for _ in range(3):
            asyncio.run(ask(app))
    assert [record.message for record in caplog.records].count(caplog.messages[-1]) == 1
    assert "inside of what compresses" in caplog.messages[-1]


def test_whatever_a_view_writes_of_a_decision_is_private():
    """An answer in JSON that holds one visitor's decision is nobody else's either."""

    async def app(scope, receive, send):
        scope["state"]["clew"].decide("hero")
        told = start(content_type="application/json", cache_control="public", etag='"1"')
        await answering(told, *page(b"{}"))(scope, receive, send)

    with shop_client() as client:
        answer = asyncio.run(
            ask(ClewMiddleware(app, client=client, routes={"/": ["hero"]}), "/api")
        )
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["etag"] == '"1"'


@pytest.mark.parametrize(
    "rendered",
    [pytest.param(b"<b>bytes</b>", id="bytes"), pytest.param(5, id="a-number")],
)
def test_what_is_no_html_keeps_the_default(rendered, caplog):
    """A mistake in `render` does not break a page that is on its way."""
    with shop_client() as client:
        answer = run(client, html(), *page(SLOT), render=lambda decision: rendered)
    assert answer.body == SLOT
    assert any("HTML is text" in message for message in caplog.messages)


def test_render_may_be_asynchronous():
    """As the other callables of the application."""

    async def render(decision):
        await asyncio.sleep(0)
        return "<b>later</b>"

    with shop_client() as client:
        assert "<b>later</b>" in run(client, html(), *page(SLOT), render=render).shown


def test_a_client_that_was_closed_does_not_break_a_page_on_its_way():
    """While a server shuts down, the last pages show their defaults."""
    client = shop_client()
    client.close()
    assert run(client, html(), *page(SLOT)).body == SLOT


NESTED = (
    '{% slot "hero" as hero %}{{ hero.headline }}'
    '{% slot "side" as side %}<small>{{ side.headline }}</small>{% endslot %}{% endslot %}'
    '<hr>{% slot "side" as side %}<b>{{ side.headline }}</b>{% endslot %}'
)


@pytest.mark.parametrize("enable_async", [False, True], ids=["plain", "async"])
def test_a_slot_within_one_that_is_filled_takes_nothing_from_its_next_place(enable_async):
    """Each place has its own markup, and no mark of ours is left in what fills a slot."""
    app, _ = templated(NESTED, enable_async=enable_async)
    with shop_client() as client:
        answer = asyncio.run(ask(ClewMiddleware(app, client=client, **MOODY), headers=LOUD))
    assert answer.shown == (
        "<!--clew:hero-->LOUD pizza<small></small><!--/clew-->"
        "<hr><!--clew:side--><b>Coffee &lt;now&gt;</b><!--/clew-->"
    )


@pytest.mark.parametrize("name", ["9lives", "a b", "a" * 129, ""])
def test_a_tag_whose_name_no_slot_can_have_is_refused_where_it_stands(name):
    """A policy could not declare it, and the page would never find it."""
    _, template = templated('{% slot "' + name + '" %}x{% endslot %}')
    with pytest.raises(TemplateRuntimeError, match="begins with a letter"):
        template.render()


def test_a_field_of_the_content_may_be_called_decision():
    """A fragment's own `decision` goes before it."""
    made = Decision(
        id="d",
        slot="hero",
        decided_at=datetime.now(UTC),
        reason="priority",
        content={"decision": "theirs", "headline": "Hi"},
    )
    env = Environment(
        autoescape=True,
        loader=DictLoader({"slots/hero.html": "{{ headline }} {{ decision.slot }}"}),
    )
    assert fragments(env)(made) == "Hi hero"
