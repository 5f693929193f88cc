"""Visitors behind one shared cache never get each other's pages, though they would without us."""

import random
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from nginx.visitors import PATHS, VISITORS

pytestmark = pytest.mark.nginx

ADA, BOB = VISITORS[:2]


def ask(client: httpx.Client, path: str, who: str, method: str = "GET", **headers: str):
    told = {"accept": "text/html", "cookie": f"who={who}"}
    return client.request(
        method, path, headers=told | {n.replace("_", "-"): v for n, v in headers.items()}
    )


def named_in(client: httpx.Client, prefix: str, visitors: Iterable[str]) -> list[tuple[str, str]]:
    """Everybody asks for every page, in no order and several at a time: who asked, who is named."""
    asked = [(who, f"{prefix}/{path}") for who in visitors for path in PATHS]
    random.Random(7).shuffle(asked)
    with ThreadPoolExecutor(8) as pool:
        pages = pool.map(lambda one: ask(client, one[1], one[0]).text, asked)
        return [
            (who, name)
            for (who, _), page in zip(asked, pages, strict=True)
            for name in re.findall(r"visitor-\d+", page) or ["nobody"]
        ]


def test_nobody_gets_a_byte_of_another_visitor(cached):
    """A hundred visitors on twenty pages that are offered to every cache: each sees himself."""
    named = named_in(cached, "/clew", VISITORS)
    assert len(named) >= len(VISITORS) * len(PATHS)
    assert {who for who, _ in named} == set(VISITORS)
    assert [(who, name) for who, name in named if name != who] == []


def test_without_the_middleware_the_same_cache_mixes_visitors(cached):
    """So the cache is greedy enough to tell."""
    named = named_in(cached, "/own", VISITORS[:10])
    assert any(name != who for who, name in named)


def test_what_is_not_one_visitors_own_is_cached_as_before(cached):
    """A style sheet comes from the cache the second time."""
    answers = [ask(cached, "/clew/style.css", who) for who in (ADA, BOB)]
    assert [answer.headers["x-cache"] for answer in answers] == ["MISS", "HIT"]


def test_a_head_leaves_nothing_behind(cached):
    """nginx asks for the whole page when it is asked for its head."""
    for prefix, expected in (("/clew", BOB), ("/own", ADA)):
        ask(cached, f"{prefix}/head", ADA, "HEAD")
        assert expected in ask(cached, f"{prefix}/head", BOB).text


def test_when_the_shop_fails_nobody_gets_an_older_page_of_another(cached):
    """A stale page may stand in for an error only if it was anybody's."""
    for prefix, status, is_adas in (("/clew", 500, False), ("/own", 200, True)):
        ask(cached, f"{prefix}/failing", ADA)
        answer = ask(cached, f"{prefix}/failing", BOB, x_fail="1")
        assert (answer.status_code, ADA in answer.text) == (status, is_adas)


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param({"if_none_match": '"1"'}, id="etag"),
        pytest.param({"if_modified_since": "Sat, 21 Nov 2026 00:00:00 GMT"}, id="date"),
    ],
)
def test_nobody_is_told_that_his_page_has_not_changed(cached, condition):
    """Who kept a page of old, with its validators, gets what is decided for him now."""
    ask(cached, "/own/kept", ADA)
    assert ask(cached, "/own/kept", ADA, **condition).status_code == 304
    for mood in ("calm", "loud"):
        answer = ask(cached, "/clew/kept", ADA, x_mood=mood, **condition)
        assert answer.status_code == 200
        assert f"{ADA} is {mood}" in answer.text
        assert answer.headers.keys().isdisjoint({"etag", "last-modified", "expires"})
