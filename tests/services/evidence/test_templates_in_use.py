"""Which templates live stacks use, in databases of Heat."""

import json
from typing import Any

import pytest

from heat_upgrade_checks.evidence.database.session import ask_in_session
from heat_upgrade_checks.evidence.stacks import resource_types
from heat_upgrade_checks.evidence.stacks.resource_types import Fate, Use
from tests.services.heat_databases import HeatDatabase

CURRENT = {"OS::Heat::Value": "SUPPORTED", "Site::Lost": "SUPPORTED"}
LOST: dict[str, Fate] = {"Site::Lost": "gone"}


def _template(**types: str) -> str:
    return json.dumps({"resources": {name: {"type": type} for name, type in types.items()}})


@pytest.mark.parametrize("server", ["on_mariadb", "on_postgresql", "on_sqlite"])
def test_what_an_update_that_failed_left_and_what_snapshots_hold_is_in_use(
    request: pytest.FixtureRequest, server: str
) -> None:
    heat: HeatDatabase = request.getfixturevalue(server)()
    heat.db_sync(25)
    heat.fill()
    row: dict[str, Any] = {"disable_rollback": True, "tenant": "p", "convergence": True}
    with heat._adding() as add:
        add("raw_template", id=2, template=_template(old="Site::Lost", kept="OS::Heat::Value"))
        add("raw_template", id=3, template=_template(kept="OS::Heat::Value"))
        # Of a template that nothing uses.
        add("raw_template", id=4, template=_template(old="Site::Lost"))
        for id, status, template in (("failed", "FAILED", 3), ("done", "COMPLETE", 3)):
            add("stack", id=id, name=id, action="UPDATE", status=status, backup=False,
                raw_template_id=template, **row)  # fmt: skip
        for name, template in (("old", 2), ("kept", 2), ("new", 3)):
            add("resource", uuid=name, name=name, stack_id="failed", action="UPDATE",
                status="COMPLETE", current_template_id=template)  # fmt: skip
        data = {"template": json.loads(_template(kept="Site::Lost")), "environment": {}}
        add("snapshot", id="s", stack_id="done", name="nightly", tenant="p", data=json.dumps(data))

    def uses() -> list[Use]:
        on, off, _ = ask_in_session(
            heat.site(), lambda session: resource_types._uses(session, CURRENT, LOST)
        )
        assert not off.count
        return on.first["Site::Lost"]

    assert uses() == [
        Use("failed", "failed", "p", "old"),
        Use("done", "done", "p", "kept in snapshot nightly (s)"),
    ]
    heat.execute("DELETE FROM snapshot WHERE id = 's'")
    heat.execute("DELETE FROM resource WHERE name = 'old'")
    assert uses() == []
