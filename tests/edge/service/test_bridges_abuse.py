"""Whatever is sent to a bridge is answered in its words, and never as a fault of ours (T24)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.testing.strategies import json_values
from clew_edge.service.segment_messages import KINDS
from edge.service.asking import Asked
from edge.service.bridging import basic, shop_opened


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One service for all examples."""
    with shop_opened(tmp_path_factory.mktemp("bridges")) as here:
        yield here


#: Fields of messages, with what may stand in them or anything else.
FIELDS = {
    "type": st.sampled_from(sorted(KINDS)),
    "event": st.sampled_from(["Order Completed", "\ud83d", "购买", "e" * 129, "ﬃ" * 99]),
    "userId": st.sampled_from(["u-1", 7, "", "u" * 200]),
    "anonymousId": st.sampled_from(["a-1", "u-1"]),
    "previousId": st.just("a-2"),
    "messageId": st.text(max_size=3),
    "timestamp": st.datetimes().map(str),
    "sentAt": st.datetimes().map(str),
    "properties": st.dictionaries(st.text(max_size=3), st.floats() | st.text(max_size=3)),
}
messages = st.fixed_dictionaries(
    {}, optional={name: said | json_values() for name, said in FIELDS.items()}
)
batches = st.fixed_dictionaries({"batch": st.lists(messages | json_values(), max_size=4)})


@given(
    path=st.sampled_from(["batch", *KINDS]),
    body=st.binary()
    | (batches | messages | json_values()).map(lambda one: json.dumps(one).encode()),
)
def test_segments_routes_answer_everything(here: Asked, path: str, body: bytes) -> None:
    """It is 200 and taken, or 400 with a code and a message."""
    answer = here.ask("POST", f"/v1/{path}", body, key=None, headers=basic("clew_shop"))
    if answer.status == 200:
        assert answer.json == {"success": True}
    else:
        assert answer.status == 400
        assert answer.json.keys() == {"code", "message"}


contexts = st.fixed_dictionaries(
    {},
    optional={
        "targetingKey": st.just("u-42") | json_values(),
        "session_id": json_values(),
        "traffic": st.just("bot") | json_values(),
        "mood": st.just("loud") | json_values(),
        "locale": json_values(),
        "channel": json_values(),
        "view_id": json_values(),
    },
)
evaluations = st.fixed_dictionaries({}, optional={"context": contexts | json_values()})


@given(
    path=st.sampled_from(["", "/hero", "/hero.headline", "/nowhere"]),
    body=st.binary() | (evaluations | json_values()).map(lambda one: json.dumps(one).encode()),
)
def test_ofreps_routes_answer_everything(here: Asked, path: str, body: bytes) -> None:
    """It is evaluated, or fails with a code of OpenFeature's and details."""
    answer = here.ask("POST", f"/ofrep/v1/evaluate/flags{path}", body)
    if answer.status == 200:
        assert answer.json.keys() in ({"flags"}, {"key", "reason", "variant", "metadata", "value"})
    else:
        assert answer.status == (404 if path == "/nowhere" else 400)
        assert answer.json["errorCode"]
        assert answer.json["errorDetails"]
