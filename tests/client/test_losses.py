"""What is lost is told, what is refused is kept, and nobody delivers another tenant's facts."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

from clew import Client
from clew.backends.embedded import Embedded
from clew.backends.memory import MemoryStore
from clew.delivery.dead_letters import DeadLetters
from clew.delivery.spool import Spool
from clew.errors import ConfigurationError, DocumentError
from clew.model.batch import ItemResult
from clew.outlet import spool_folder
from client.worlds import bundle, policy

POLICY = policy()


class Answering(Embedded):
    """A backend that answers for some signals as it is told, once, and else as it would."""

    def __init__(self, answers: dict[str, str], cause: str | None = None) -> None:
        super().__init__(MemoryStore(), policy=bundle(POLICY))
        self.answers = dict(answers)
        self.cause = cause
        self.sent: list[str] = []

    def append(self, items: Iterable[bytes], /) -> list[ItemResult]:
        results = super().append(items)
        self.sent += [one.id for one in results]
        return [
            ItemResult(id=one.id, status=self.answers.pop(one.id), cause=self.cause)  # type: ignore[arg-type]
            if one.id in self.answers
            else one
            for one in results
        ]


def emit(client: Client, *names: str) -> None:
    """Emit signals of a person who allows it."""
    client.consent("u-0", grant=["personalise"], source="test")
    for name in names:
        client.emit("product_viewed", subject="u-0", id=name)


def test_what_a_backend_asks_for_again_is_sent_again() -> None:
    """Of a batch only the items answered with `retry` are sent again, and nothing is lost."""
    backend = Answering({"b": "retry"})
    with Client(backend=backend) as client:
        emit(client, "a", "b", "c")
        assert client.flush(20.0) == 0
        assert client.losses == {}
    assert sorted(backend.sent[1:]) == ["a", "b", "b", "c"]  # the consent came first


@pytest.mark.parametrize(
    ("cause", "kept"), [("schema", ["schema: schema"]), ("no_basis", [])], ids=["fault", "no basis"]
)
def test_what_is_refused_is_kept_unless_nobody_allowed_it(
    tmp_path: Path, cause: str, kept: list[str]
) -> None:
    """A refused fact goes to the dead letters, except one that may not be kept (F5)."""
    told: list[tuple[str, int]] = []
    backend = Answering({"a": "refused"}, cause)
    with Client(backend=backend, spool=tmp_path, on_loss=lambda *loss: told.append(loss)) as client:
        emit(client, "a")
        client.flush(20.0)
        assert (client.losses, told) == ({cause: 1}, [(cause, 1)])
    letters = DeadLetters(tmp_path / "of-default").read()
    assert [letter.reason for letter in letters] == kept


@pytest.mark.parametrize("strict", [False, True])
def test_what_the_policy_refuses_is_kept_for_one_that_takes_it(
    tmp_path: Path, *, strict: bool
) -> None:
    """A signal that the live policy does not take may be sent again (C18); `strict` raises."""
    url = f"sqlite:///{tmp_path}/shop.db"
    typed = policy(signals=[{"id": "product_viewed", "fields": {"sku": {"type": "text"}}}])
    with Client(url, policy=typed, strict=strict) as client:
        client.consent("u-0", grant=["personalise"], source="test")
        try:
            name = client.emit("product_veiwed", subject="u-0", data={"sku": "a"})
        except DocumentError:
            assert strict
        else:
            assert client.losses == {"refused": 1}
    letters = DeadLetters(tmp_path / "shop.db.spool" / "of-default").read()
    assert len(letters) == (0 if strict else 1)
    for letter in letters:
        fact = orjson.loads(letter.payload)["signal"]
        assert (fact["id"], fact["data"]) == (name, {"sku": "a"})
        assert "no signal 'product_veiwed'" in letter.reason


def test_facts_wait_beside_the_database_whatever_its_name(tmp_path: Path) -> None:
    """A name that a URL has to escape is one name, of the file and of the folder beside it."""
    with Client(f"sqlite:///{tmp_path}/my%20shop.db", policy=POLICY) as client:
        client.consent("u-1", grant=["personalise"], source="test")
        client.emit("product_viewed", subject="u-1")
        assert {path.name for path in tmp_path.iterdir()} >= {"my shop.db", "my shop.db.spool"}
    assert not [path for path in tmp_path.iterdir() if "%" in path.name]


def test_every_loss_is_told() -> None:
    """Whoever passes `on_loss` hears of each cause with its number."""
    told: list[tuple[str, int]] = []
    with Client(
        "memory://", policy=POLICY, on_loss=lambda *loss: told.append(loss), overflow="drop_newest"
    ) as client:
        client.emit("product_viewed", subject="nobody-allowed-it")
        client.decide("herp", subject="u-1")
    assert told == [("no_basis", 1), ("unknown_slot", 1)]


def test_a_bound_holds_in_memory(tmp_path: Path) -> None:
    """Without durability `max_pending_bytes` bounds memory; what is larger is told and counted."""
    with Client(
        backend=Answering({}), durability="none", spool=tmp_path, max_pending_bytes=100
    ) as client:
        emit(client, "a")
        assert client.losses == {"too_large": 1}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"overflow": "drop_all"}, "overflow: .* drop_oldest, drop_newest, block, not 'drop_all'"),
        ({"overflow": None}, "overflow: it is one of"),
        ({"durability": "Disk"}, "durability: .* none, process, disk, not 'Disk'"),
        ({"max_pending_bytes": 0}, "max_pending_bytes: .* above 0, or None .*, not 0"),
        ({"max_pending_bytes": "1MB"}, "max_pending_bytes: it is a whole number .*, not '1MB'"),
        ({"max_pending_bytes": True}, "max_pending_bytes: it is a whole number"),
        ({"block_seconds": -1.0}, "block_seconds: .* 0 or more, not -1.0"),
        ({"block_seconds": float("nan")}, "block_seconds: .*, not nan"),
        ({"block_seconds": "1"}, "block_seconds: .*, not '1'"),
        ({"strict": "no"}, "strict: it is True or False, not 'no'"),
        ({"on_loss": 5}, "on_loss: it is a function .*, not 5"),
        ({"tenant": 5}, "tenant: it is a name, .*, not 5"),
        ({"tenant": ""}, "tenant: it is a name"),
        ({"spool": 5}, "spool: it is the path of a folder, .*, not 5"),
        ({"spool": ""}, "spool: it is the path of a folder"),
        ({"spool": __file__}, "spool: it is the path of a folder, .* not "),
        ({"spool": "a\0b"}, "spool: it is the path of a folder"),
        ({"policy": 5}, "policy: it is the path of a file or folder, a dict, .*, not 5"),
        ({"policy": ""}, "policy: it is the path"),
        ({"policy": [1]}, "policy: it is the path"),
        ({"backend": "sqlite:///x.db"}, "backend: it is an open backend"),
        ({"keys": "k" * 40}, "keys: it is a list of texts, .*, not str$"),
        ({"keys": [b"k" * 40]}, "keys: it is a list of texts, .*, not list$"),
        ({"clock": 5}, "clock: it is an object whose now"),
        ({"url": 5}, "url: it is a URL such as sqlite:///shop.db, not int"),
        ({"url": ""}, "url: it is a URL such as sqlite:///shop.db, not ''"),
        ({"url": "127.0.0.1:80"}, "is no backend URL; use for .* https://host of a clew server"),
    ],
    ids=lambda value: (
        " ".join(f"{k}={v!r:.9}" for k, v in value.items()) if isinstance(value, dict) else ""
    ),
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, Any], told: str) -> None:
    """The message names the option and what it may be, and repeats no secret."""
    with pytest.raises(ConfigurationError, match=told) as caught:
        Client(**{"url": "memory://", **wrong})
    assert "kkkk" not in str(caught.value)


def test_a_setting_that_is_empty_is_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that was to be filled in and is not opens no file in its place."""
    monkeypatch.setenv("CLEW_URL", "")
    with pytest.raises(ConfigurationError, match="CLEW_URL is set, but empty"):
        Client()


@pytest.mark.parametrize("tenant", ["other", "..", "a/b"])
def test_a_tenant_delivers_its_own_facts_alone(tmp_path: Path, tenant: str) -> None:
    """What one tenant's process left on a shared database is never stored as another's (T22)."""
    url = f"sqlite:///{tmp_path}/shop.db"
    fact = {
        "id": "s-1",
        "type": "product_viewed",
        "subject": "u-0",
        "occurred_at": "2026-01-01T00:00:00Z",
    }
    for name in ("default", tenant):
        with Client(url, tenant=name, policy=POLICY) as client:
            client.consent("u-0", grant=["personalise"], source="test")
    folder = spool_folder(None, url, tenant)
    assert folder is not None
    assert folder.parent == Path(f"{tmp_path}/shop.db.spool")
    dead = Spool(folder)
    dead.append(orjson.dumps({"signal": fact}), 0.0)
    dead.forget()
    seen = {}
    for name in ("default", tenant):
        with Client(url, tenant=name) as client:
            seen[name] = client.profile("u-0").signals
    assert seen == {"default": 0, tenant: 1}
