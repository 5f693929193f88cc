"""The beacon script as it is served; what it does in a page is tested in a browser."""

import gzip

from clew_edge.pages.beacon import SCRIPT


def test_the_script_is_small():
    """It weighs at most 2 KB on the way."""
    assert len(gzip.compress(SCRIPT, mtime=0)) <= 2_048


def test_the_script_is_served_to_everybody_alike(site):
    """Any cache may keep it, no browser takes it for anything else, no cookie comes with it."""
    answer = site.get("beacon.js")
    assert answer.content == SCRIPT
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers


def test_who_has_the_script_gets_it_no_second_time(site):
    """Its tag answers a conditional request, weakened by a compressing proxy or not."""
    tag = site.get("beacon.js").headers["etag"]
    for known in (tag, f"W/{tag}", f'"older", {tag}', "*"):
        answer = site.get("beacon.js", if_none_match=known)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
    assert site.get("beacon.js", if_none_match='"older"').status_code == 200
