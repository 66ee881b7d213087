"""Resource types that a site adds by plugins and environments of its own."""

from pathlib import Path

import pytest

from tests.lab.typed import CANARY, ID, insert, judged
from tests.services.heat_databases import HeatDatabase

PLUGIN = """
from heat.engine import resource

print("loaded")

class Thing(resource.Resource):
    pass

def resource_mapping():
    return {"Site::Thing": Thing}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Folders of plugins and environments, and a database with stacks that use both."""
    for name, content in (
        ("plugins/thing.py", PLUGIN),
        ("environments/site.yaml", "resource_registry: {'Site::V': 'OS::Heat::Value'}"),
        ("environments/wild.yaml", "resource_registry: {'Wild::*': 'OS::Heat::*'}"),
        ("environments/all.yaml", "resource_registry: {'Old::*': 'OS::Heat::Value'}"),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, "utf-8")
    return tmp_path


def _options(site: Path) -> str:
    return f"plugin_dirs = {site / 'plugins'}\nenvironment_dir = {site / 'environments'}"


def test_types_of_the_site_count(site: Path) -> None:
    heat = HeatDatabase(f"sqlite:///{site}/heat.sqlite", site)
    heat.db_sync(25)
    for number, type in enumerate(("Site::Thing", "Site::V", "Wild::Value", "Old::Anything")):
        insert(heat, f"s{number}", {"resources": {"r": {"type": type}}}, {})
    lacking = judged(site, 25, 26, heat.url, {"current": _options(site)})
    assert lacking.code == 2, lacking.out
    found = {f["object"]: f["data"] for f in lacking.check(ID)["findings"]}
    assert {(type, data["fate"], data["used"]) for type, data in found.items()} == {
        ("Site::Thing", "gone", 1),
        ("Site::V", "gone", 1),
        ("Wild::Value", "gone", 1),
        ("Old::*", "gone", 1),
    }
    both = {"current": _options(site), "target": _options(site)}
    assert judged(site, 25, 26, heat.url, both).code == 0
    assert not list(site.rglob("__pycache__")), "nothing is written beside the plugins"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "plugins/broken.py",
            "import there_is_no_such_module\n",
            "Failed to import module heat.engine.plugins.broken, ModuleNotFoundError in ",
        ),
        ("plugins/broken.py", f"x = '{CANARY}'\nthis is no Python\n", "SyntaxError in "),
        (
            "plugins/broken.py",
            "def resource_mapping():\n    return {}['x']\n",
            "Failed to load resource_mapping from ",
        ),
        ("environments/broken.yaml", f"[: {CANARY}", "Failed to parse "),
    ],
)
def test_what_heat_cannot_load_is_unknown(site: Path, name: str, content: str, said: str) -> None:
    both = {"current": "", "target": _options(site)}
    (site / name).write_text(content, "utf-8")
    outcome = judged(site, 25, 26, f"sqlite:///{site}/heat.sqlite", both)
    assert outcome.code == 3, outcome.out
    reason = outcome.check(ID)["reason"]
    assert said in reason
    assert str(site / name) in reason or "heat.engine.plugins.broken" in reason
    assert "correct this, plugin_dirs or environment_dir in the target release" in reason
