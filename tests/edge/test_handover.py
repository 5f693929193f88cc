"""What the page is told at its end."""

import json

import pytest

from clew_edge.handover import handover, nonce_of
from edge.worlds import shop_client


def written(prefix="/_clew"):
    with shop_client() as client:
        made = client.decide("hero", subject=None)
        return handover({"hé<": made}, view="v", prefix=prefix, nonce=None)


def test_it_is_ascii_so_it_is_right_in_every_encoding():
    """A page in windows-1252 is told the same as one in UTF-8."""
    state = written().partition(b'id="clew-state">')[2].partition(b"</script>")[0]
    assert state.isascii()
    assert b"<" not in state
    assert list(json.loads(state)["slots"]) == ["hé<"]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param("script-src 'nonce-A'", "A", id="of-scripts"),
        pytest.param("default-src 'nonce-A'", "A", id="of-everything"),
        pytest.param("style-src 'nonce-S'; script-src 'self' 'nonce-A'", "A", id="not-of-styles"),
        pytest.param("default-src 'nonce-D'; script-src 'nonce-A'", "A", id="the-more-special"),
        pytest.param("script-src 'nonce-B'; SCRIPT-SRC-ELEM 'nonce-A'", "A", id="of-elements"),
        pytest.param("default-src 'nonce-D'; script-src 'self'", None, id="scripts-have-none"),
        pytest.param("script-src 'nonce-A\"onload=x'", None, id="no-nonce"),
    ],
)
def test_the_nonce_is_the_one_that_scripts_are_granted(policy, expected):
    """A nonce of another directive would be of no use."""
    assert nonce_of([(b"content-security-policy", policy.encode())]) == expected
