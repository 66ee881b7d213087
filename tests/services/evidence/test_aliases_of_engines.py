"""Types that the engines' own environment gives another name, in databases of Heat."""

import json

import pytest

from heat_upgrade_checks.evidence.database import state as database
from tests.services.heat_databases import HeatDatabase


@pytest.mark.parametrize("server", ["on_mariadb", "on_postgresql"])
def test_a_wait_under_an_alias_of_environment_d_is_a_wait(
    request: pytest.FixtureRequest, server: str
) -> None:
    heat: HeatDatabase = request.getfixturevalue(server)()
    heat.db_sync(25)
    heat.fill()
    waits = {"type": "Site::Wait", "properties": {"timeout": 900}}
    with heat._adding() as add:
        add("raw_template", id=7, template=json.dumps({"resources": {"held": waits}}))
    heat.execute("UPDATE stack SET raw_template_id = 7 WHERE id = 'root'")

    def waiting() -> list[tuple[str, bool, float | None]]:
        (root,) = (each for each in database.observe(heat.site()).in_flight if each.id == "root")
        return [(each.type, each.waits_for_signal, each.signal_timeout) for each in root.resources]

    assert waiting() == [("Site::Wait", False, None)]
    site, conf = heat.site(), heat.configuration()
    folder = heat.folder / "environment.d"
    folder.mkdir()
    (folder / "site.yaml").write_text(
        'resource_registry: {"Site::*": "Our::*", "Our::Wait": "OS::Heat::WaitCondition"}', "utf-8"
    )
    (folder / "broken.yaml").write_text("{", "utf-8")
    (folder / "subfolder").mkdir()
    named = f"[DEFAULT]\nenvironment_dir = {folder}\n{conf.read_text('utf-8')}"
    conf.write_text(named, "utf-8")
    (root,) = (each for each in database.observe(site).in_flight if each.id == "root")
    (held,) = root.resources
    assert (held.type, held.waits_for_signal, held.signal_timeout) == (
        "OS::Heat::WaitCondition",
        True,
        900,
    )
