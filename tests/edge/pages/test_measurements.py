"""The page of measurements, for who runs the shop."""

from edge.pages.sites import Site


def test_the_page_is_served_where_it_was_asked_for(site: Site) -> None:
    """It is drawn anew every few seconds, and nothing keeps or frames it."""
    site.measure_page = True
    site.decide()
    answer = site.get("measure")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["refresh"] == "5"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-robots-tag"] == "noindex"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "orders" in answer.text
