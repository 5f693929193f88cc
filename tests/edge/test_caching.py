"""Which responses are touched, and what caches are told of them."""

import pytest

from clew_edge.caching import charset, is_page, is_rewritable, private, unvalidated


def headers(**named: str) -> list[tuple[bytes, bytes]]:
    return [(n.replace("_", "-").encode(), v.encode()) for n, v in named.items()]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("text/html", True, id="bare"),
        pytest.param("Text/HTML; charset=utf-8", True, id="any-case-with-parameter"),
        pytest.param("application/xhtml+xml", False, id="xhtml"),
        pytest.param("text/htmlx", False, id="longer-name"),
        pytest.param("text/event-stream", False, id="event-stream"),
        pytest.param("application/json", False, id="json"),
        pytest.param("", False, id="absent"),
    ],
)
def test_only_html_is_a_page(value, expected):
    """Only text/html is a page."""
    assert is_page(headers(content_type=value)) is expected


@pytest.mark.parametrize(
    ("status", "named", "expected"),
    [
        pytest.param(200, {}, True, id="ok"),
        pytest.param(404, {}, True, id="an-error-page-is-a-page"),
        pytest.param(204, {}, False, id="no-content"),
        pytest.param(205, {}, False, id="reset-content"),
        pytest.param(304, {}, False, id="not-modified"),
        pytest.param(206, {}, False, id="a-part"),
        pytest.param(200, {"content_encoding": "gzip"}, False, id="gzip"),
        pytest.param(200, {"content_encoding": "br"}, False, id="br"),
        pytest.param(200, {"content_encoding": "identity"}, True, id="identity"),
        pytest.param(200, {"cache_control": "public, No-Transform"}, False, id="no-transform"),
        pytest.param(200, {"content_type": "text/html; charset=utf-16le"}, False, id="utf-16"),
        pytest.param(200, {"content_type": "text/html; charset=iso-2022-jp"}, False, id="iso-2022"),
        pytest.param(200, {"content_type": "text/html; charset=klingon"}, False, id="unknown"),
        pytest.param(200, {"content_type": "text/html; charset=shift_jis"}, True, id="shift-jis"),
    ],
)
def test_a_body_is_rewritten_only_when_it_is_plain_html(status, named, expected):
    """Encoded, partial, absent and foreign bodies, and what forbids it, are left alone."""
    assert is_rewritable(status, headers(**{"content_type": "text/html"} | named)) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("text/html", "utf-8", id="by-default"),
        pytest.param("text/html;charset=UTF8", "utf-8", id="alias"),
        pytest.param('text/html; charset="windows-1252"', "cp1252", id="quoted"),
    ],
)
def test_the_charset_is_that_of_the_header(value, expected):
    """What is filled in is written in the page's own encoding."""
    assert charset(headers(content_type=value)) == expected


def test_a_response_of_ones_own_says_so_to_every_cache():
    """Everything by which a shared cache could keep it is gone; all else stays in order."""
    given = headers(
        content_type="text/html",
        cache_control="public, max-age=600, s-maxage=3600",
        expires="Sat, 21 Nov 2026 00:00:00 GMT",
        surrogate_control="max-age=9",
        cdn_cache_control="max-age=9",
        cloudflare_cdn_cache_control="max-age=9",
        edge_control="max-age=9",
        x_accel_expires="600",
        age="3",
        set_cookie="basket=1",
    )
    assert private(given) == [
        (b"content-type", b"text/html"),
        (b"set-cookie", b"basket=1"),
        (b"cache-control", b"private, no-cache"),
    ]


def test_what_is_true_of_the_applications_body_alone_goes():
    """Validators and digests speak of the page before its slots were filled."""
    given = headers(
        etag='"1"',
        last_modified="Sat, 21 Nov 2026 00:00:00 GMT",
        content_md5="x",
        digest="x",
        content_digest="x",
        repr_digest="x",
        accept_ranges="bytes",
        x_own="1",
    )
    assert unvalidated(given) == [(b"x-own", b"1")]


def test_what_the_application_forbids_stays_forbidden():
    """`no-store` and `no-transform` are stricter than we are, so they stay."""
    (value,) = [v for n, v in private(headers(cache_control="no-store, no-transform")) if n]
    assert value == b"private, no-cache, no-store, no-transform"


@pytest.mark.parametrize(
    "name",
    ["undefined", "hex", "rot13", "idna", "punycode", "unicode_escape", "utf-8-sig", "cp037"],
)
def test_a_charset_in_which_ascii_is_not_itself_is_none_of_ours(name):
    """Python knows codecs that are no encodings of a page, and some that are not ASCII's."""
    assert charset(headers(content_type=f"text/html; charset={name}")) is None
