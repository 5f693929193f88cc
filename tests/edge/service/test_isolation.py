"""Whatever two tenants do, neither sees or changes anything of the other (T22, C51)."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from clew.outlet import spool_folder
from clew_edge.service.app import Service
from clew_edge.service.tenants import Tenant
from client.worlds import bundle, policy
from edge.service.asking import Asked, consent, key_file, outcome, running, signal

#: By tenant, its key.
TENANTS = {"shop": "clew_shop", "other": "clew_other"}
SUBJECTS = ("ada", "bob")
KINDS = ("signal", "consent", "decision", "outcome")

tenants = st.sampled_from(sorted(TENANTS))
subjects = st.sampled_from(SUBJECTS)
ids = st.sampled_from(("x-1", "x-2", "x-3"))


class Isolation(RuleBasedStateMachine):
    """
    Two tenants use the same ids and subjects.

    Each is known by what it has told, in a model of its own; whatever else is seen is a leak.
    """

    #: The mutant opens every tenant as this one.
    as_tenant: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)

        def tenant(name: str) -> Tenant:
            url = f"sqlite:///{folder / 'clew.db'}"
            return Tenant(url, self.as_tenant or name, policy=bundle(policy()))

        self.context = running(Service(key_file(folder), tenant))
        self.here: Asked = self.context.__enter__()
        self.views: dict[tuple[str, str], set[str]] = {}
        self.decisions: dict[str, dict[str, str]] = {name: {} for name in TENANTS}

    def teardown(self) -> None:
        """Close the service."""
        self.context.__exit__(None, None, None)
        self.folder.cleanup()

    @initialize()
    def consents(self) -> None:
        """In both tenants everybody allows personalising."""
        for key in TENANTS.values():
            self.here.append(*[consent(one) for one in SUBJECTS], key=key)

    @rule(tenant=tenants, subject=subjects, id=ids)
    def views_a_product(self, tenant: str, subject: str, id: str) -> None:
        """An id counts once per tenant and subject, whatever the other tenant has told by it."""
        seen = self.views.setdefault((tenant, subject), set())
        name = f"{subject}-{id}"
        [(status, _)] = self.here.append(signal(name, subject=subject), key=TENANTS[tenant])
        assert status == ("duplicate" if name in seen else "applied")
        seen.add(name)

    @rule(tenant=tenants, subject=subjects)
    def decides(self, tenant: str, subject: str) -> None:
        """A decision is the tenant's own."""
        asked = {"slots": ["hero"], "subject": subject, "request_id": f"{subject}-request"}
        answer = self.here.ask("POST", "/clew/v1/decide", asked, key=TENANTS[tenant])
        [made] = answer.json["decisions"]
        self.here.service.tenants.get(tenant).client.flush()
        assert made["id"] not in self.decisions[_other(tenant)]
        self.decisions[tenant][made["id"]] = made["token"]

    @rule(tenant=tenants)
    def reports_for_the_other(self, tenant: str) -> None:
        """A token of the other tenant proves nothing here."""
        for token in self.decisions[_other(tenant)].values():
            assert self.here.append(outcome("f-1", token=token), key=TENANTS[tenant]) == [
                ("refused", "token")
            ]

    @invariant()
    def sees_its_own(self) -> None:
        """Profiles and decisions hold what their tenant has told, and nothing else."""
        for (tenant, subject), seen in self.views.items():
            path = f"/clew/v1/subjects/{subject}"
            found = self.here.ask("GET", path, key=TENANTS[tenant]).json
            assert found["computed"]["views"] == len(seen)
        for tenant, made in self.decisions.items():
            for id in made:
                path = f"/clew/v1/decisions/{id}"
                other = self.here.ask("GET", path, key=TENANTS[_other(tenant)])
                assert other.status == 404


def _other(tenant: str) -> str:
    return next(name for name in TENANTS if name != tenant)


_FEW = settings(
    max_examples=8,
    stateful_step_count=12,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=False,
)

#: Enough to find one breach; which is the smallest nobody asks.
_FIRST = settings(_FEW, phases=[Phase.generate], report_multiple_bugs=False)

TestIsolation = Isolation.TestCase
TestIsolation.settings = _FEW


def test_a_leak_would_be_found() -> None:
    """With the tenant taken out of where data lies, the same machine finds that it leaks."""
    mutant: Any = type("Mutant", (Isolation,), {"as_tenant": "shop"})
    with pytest.raises(AssertionError):
        run_state_machine_as_test(mutant, settings=_FIRST)


def test_the_tenant_is_the_keys(tmp_path: Path) -> None:
    """A tenant that a payload names counts for nothing."""
    service = Service(
        key_file(tmp_path),
        partial(Tenant, f"sqlite:///{tmp_path / 'clew.db'}", policy=bundle(policy())),
    )
    with running(service) as here:
        here.append(consent())
        assert here.append(signal("s-1", tenant="other")) == [("applied", None)]
        assert [one["id"] for one in here.stored("signal", "shop")] == ["s-1"]
        assert here.stored("signal", "other") == []


def test_facts_on_their_way_lie_where_the_commands_look(tmp_path: Path) -> None:
    """A server spools beside its database as a client does, each tenant in a folder of its own."""
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    for name in TENANTS:
        tenant = Tenant(url, name, policy=bundle(policy()))
        tenant.client.decide("hero", subject=None)
        tenant.close()
    folders = [spool_folder(None, url, name) for name in TENANTS]
    assert len(set(folders)) == len(TENANTS)
    assert all(folder is not None and folder.is_dir() for folder in folders)
    assert [path.name for path in tmp_path.glob("*.spool")] == ["shop.db.spool"]
