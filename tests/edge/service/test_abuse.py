"""Whatever is sent, no answer is a fault of the server, and forged things have no effect."""

import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.backends.embedded import Embedded
from clew.testing.strategies import json_values
from edge.service.asking import Asked, consent, opened, outcome

ROUTES = [
    ("POST", "/clew/v1/append"),
    ("POST", "/clew/v1/decide"),
    ("GET", "/clew/v1/policy"),
    ("GET", "/clew/v1/measure"),
    ("GET", "/clew/v1/subjects/"),
    ("GET", "/clew/v1/decisions/"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("POST", "/v1/batch"),
    ("POST", "/v1/track"),
    ("POST", "/v1/identify"),
    ("POST", "/ofrep/v1/evaluate/flags"),
    ("POST", "/ofrep/v1/evaluate/flags/hero"),
]


@pytest.fixture(scope="module")
def hardened(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One service for all examples: what one of them does to it the next ones meet."""
    with opened(tmp_path_factory.mktemp("service")) as here:
        here.append(consent())
        yield here


#: A path's end and a query of any characters that a head can hold.
ends = st.text(
    st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="#"), max_size=40
)
#: What looks like a fact, or hardly.
facts = st.dictionaries(
    st.sampled_from(["id", "type", "subject", "occurred_at", "data", "token", "decision", "slot"]),
    json_values() | st.sampled_from(["displayed", "link", "2026-03-01T10:00:00Z", "ada", ""]),
)
kinds = st.sampled_from(["signal", "consent", "identity", "decision", "outcome", "parcel"])
batches = st.fixed_dictionaries({"items": st.lists(st.dictionaries(kinds, facts), max_size=3)})
requests = st.fixed_dictionaries(
    {},
    optional={
        "slots": st.lists(st.just("hero") | st.text(max_size=5), max_size=3),
        "subject": st.text(max_size=5) | json_values(),
        "context": json_values(),
        "signals": st.lists(facts, max_size=2),
        "request_id": st.text(max_size=5),
        "deadline_ms": json_values(),
    },
)
documents = (batches | requests | json_values()).map(orjson.dumps)
headers = st.dictionaries(
    st.sampled_from(["content-encoding", "content-type", "content-length", "if-none-match"]),
    st.sampled_from(["gzip", "", "7", "-1", "application/cloudevents-batch+json", "*", "é"]),
)


@given(route=st.sampled_from(ROUTES), end=ends, body=st.binary() | documents, headers=headers)
def test_no_request_is_a_fault_of_the_server(
    hardened: Asked, route: tuple[str, str], end: str, body: bytes, headers: dict[str, str]
) -> None:
    """Any bytes to any route are answered below 500, and refusals are documents (T24)."""
    method, path = route
    answer = hardened.ask(method, path + end, body, key="clew_admin", headers=headers)
    assert answer.status < 500
    if answer.status >= 400 and not path.startswith(("/v1/", "/ofrep/")):
        assert answer.json["detail"]


@given(method=st.text("AGPOST", max_size=5), path=ends, body=st.binary(max_size=20))
def test_no_path_is_a_fault_of_the_server(
    hardened: Asked, method: str, path: str, body: bytes
) -> None:
    """Any method and path are answered below 500."""
    assert hardened.ask(method, f"/{path}", body).status < 500


def learned(here: Asked) -> dict[str, dict[str, float]]:
    """What is learned of every creative."""
    backend = here.tenant.backend
    assert isinstance(backend, Embedded)
    compiled = backend.compiled()
    assert compiled is not None
    slot = compiled.slots["hero"]
    with backend.store.read() as read:
        keys = zip(slot.options.names, slot.options.state_keys, strict=True)
        return {name: read.sums("shop", key) for name, key in keys}


def test_forged_tokens_teach_nothing(tmp_path: Path) -> None:
    """1,000 forged, foreign, expired and repeated tokens leave what was learned as it was (T21)."""
    chance = random.Random(7)
    with opened(tmp_path) as here:
        here.append(consent())
        made = here.decide()
        foreign = here.ask(
            "POST", "/clew/v1/decide", {"slots": ["hero"], "subject": "ada"}, key="clew_other"
        ).json["decisions"][0]
        for tenant in here.service.tenants:
            tenant.client.flush()
        real = made["token"]
        assert here.append(outcome("o-1", token=real), key="clew_browser") == [("applied", None)]
        before = learned(here)
        assert any(before.values())
        said = []
        for number in range(1_000):
            at = chance.randrange(len(real))
            swapped = real[:at] + chr(ord(real[at]) ^ 1) + real[at + 1 :]
            id_, expiry, signature = real.split(".")
            token = chance.choice(
                [
                    swapped,
                    foreign["token"],
                    f"{id_}.{int(expiry, 16) - 10**8:x}.{signature}",
                    f"{foreign['id']}.{expiry}.{signature}",
                    real,
                    "",
                ]
            )
            said.append(outcome("o-1" if token == real else f"f-{number}", token=token))
        results = [
            result
            for first in range(0, 1_000, 500)
            for result in here.append(*said[first : first + 500], key="clew_browser")
        ]
        assert {status for status, _ in results} == {"refused", "duplicate"}
        assert learned(here) == before
