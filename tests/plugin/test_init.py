"""`init` writes a plan that works from what it finds."""

from pathlib import Path

import pytest
import yaml

from heat_upgrade_checks import plan
from heat_upgrade_checks.commands import init
from heat_upgrade_checks.demo import release
from tests.plugin.conftest import Site


@pytest.fixture(autouse=True)
def _no_cloud_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OS_CLOUD", raising=False)


_BOTH = ("25.0.2", "26.0.2")


def _install(prefix: Path, version: str) -> Path:
    return release.install(prefix, version=version, revisions=("c6214ca60943",), worker_rpc="1.4")


def test_what_is_found_stands_in_the_plan(tmp_path: Path) -> None:
    root, here = tmp_path / "root", tmp_path / "here"
    here.mkdir()
    current = _install(root / "opt" / "heat-2025.2", "25.0.2")
    target = _install(root / "opt" / "venvs" / "heat-2026.1", "26.0.2")
    (root / "etc" / "heat").mkdir(parents=True)
    (root / "etc" / "heat" / "heat.conf").touch()
    (root / "etc" / "heat-2026.1").mkdir()
    (root / "etc" / "heat-2026.1" / "heat.conf").touch()
    (here / "clouds.yaml").write_text("clouds: {site: {}}\n", "utf-8")
    path = here / "heat-upgrade.yaml"
    lines = list(init.write_plan(path, root, here))
    assert f"found Heat 25.0.2 (2025.2) at {current}" in lines
    loaded, _ = plan.load(path)
    assert loaded.name == "heat-2025.2-to-2026.1"
    assert (loaded.current.python, loaded.target.python) == (current, target)
    assert loaded.current.config == (root / "etc/heat/heat.conf",)
    assert loaded.target.config == (root / "etc/heat-2026.1/heat.conf",)
    assert loaded.api.cloud == "site"
    assert loaded.notes is not None
    fetched = [here / "heat-upgrade-notes" / f"openstack_heat-{v}.tar.gz" for v in _BOTH]
    assert [loaded.notes.current, loaded.notes.target] == fetched


def test_one_release_is_enough_for_a_plan_with_the_next_one(tmp_path: Path) -> None:
    current = _install(tmp_path / "opt" / "heat", "24.1.2")
    path = tmp_path / "plan.yaml"
    list(init.write_plan(path, tmp_path, tmp_path))
    loaded, _ = plan.load(path)
    assert (loaded.current.python, loaded.target.version) == (current, "25.0.0")
    assert not loaded.target.is_configured


def test_a_target_without_a_configuration_names_none(tmp_path: Path) -> None:
    _install(tmp_path / "opt" / "heat-2025.2", "25.0.2")
    target = _install(tmp_path / "opt" / "heat-2026.1", "26.0.2")
    path = tmp_path / "plan.yaml"
    list(init.write_plan(path, tmp_path, tmp_path))
    loaded, _ = plan.load(path)
    assert (loaded.target.python, loaded.target.config) == (target, ())


def test_a_path_with_a_space_stays_one(tmp_path: Path) -> None:
    root = tmp_path / "a, b"
    current = _install(root / "opt" / "heat", "25.0.2")
    target = _install(root / "opt" / "heat-new", "26.0.2")
    for folder in ("heat", "heat-new"):
        (root / "etc" / folder).mkdir(parents=True)
        (root / "etc" / folder / "heat.conf").touch()
    path = root / "plan.yaml"
    list(init.write_plan(path, root, root))
    loaded, _ = plan.load(path)
    assert (loaded.current.python, loaded.target.python) == (current, target)
    assert loaded.target.config == (root / "etc/heat-new/heat.conf",)
    assert loaded.notes is not None


@pytest.mark.parametrize(
    ("names", "chosen", "cloud"),
    [
        (["alpha", "beta"], "beta", "beta"),
        (["alpha", "beta"], None, None),
        (["alpha", "beta"], "gamma", None),
        (["alpha"], "gamma", None),
        (["alpha"], None, "alpha"),
        (["1"], None, "1"),
        (["2026-99-99"], None, "2026-99-99"),
        (["a, b: c} # d"], None, "a, b: c} # d"),
        (["no", "x\ny: 1"], "no", "no"),
        (["alpha", "x\ny: 1"], None, None),
    ],
)
def test_the_cloud_is_the_one_that_is_chosen_or_the_only_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: list[str],
    chosen: str | None,
    cloud: str | None,
) -> None:
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {name: {} for name in names}}))
    if chosen:
        monkeypatch.setenv("OS_CLOUD", chosen)
    path = tmp_path / "plan.yaml"
    list(init.write_plan(path, tmp_path, tmp_path))
    assert plan.load(path)[0].api.cloud == cloud
    choice = [line for line in path.read_text("utf-8").splitlines() if "cloud: mycloud" in line]
    assert all("EDIT" in line and "alpha" in line for line in choice)
    assert bool(choice) == (cloud is None)


def test_nothing_found_is_still_a_plan_that_says_what_to_edit(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    list(init.write_plan(path, tmp_path, tmp_path))
    plan.load(path)
    assert path.read_text("utf-8").count("EDIT") >= 4


def test_the_plan_of_the_embedded_deployment_opens_its_first_gate(site: Site) -> None:
    site.demo.plan_file.rename(site.demo.folder / "by-hand.yaml")
    (site.demo.folder / "current").mkdir()
    (site.demo.folder / "heat-old.conf").rename(site.demo.folder / "current" / "heat.conf")
    (site.demo.folder / "target").mkdir()
    (site.demo.folder / "heat-new.conf").rename(site.demo.folder / "target" / "heat.conf")
    by_hand = yaml.safe_load((site.demo.folder / "by-hand.yaml").read_text("utf-8"))
    list(init.write_plan(site.demo.plan_file, site.folder, site.demo.folder))
    # What init marks EDIT, and the demo's broker, which does not listen on RabbitMQ's port.
    site.edit_plan(**{key: by_hand[key] for key in ("backup", "notes", "broker")})
    outcome = site.judge("pre")
    assert outcome.code == 1, outcome.out
    # Under the name that init gave it, nothing was rehearsed yet.
    assert outcome.outcomes("warned") == {"backup.restores", "schema.rehearsed"}
    assert outcome.gate["upgrade"]["current"]["version"] == "25.0.2"


def test_before_the_target_is_there_no_check_misses_its_configuration(site: Site) -> None:
    site.demo.plan_file.rename(site.demo.folder / "by-hand.yaml")
    (site.demo.folder / "heat-old.conf").rename(site.demo.folder / "heat.conf")
    by_hand = yaml.safe_load((site.demo.folder / "by-hand.yaml").read_text("utf-8"))
    (site.demo.folder / "heat-2026.1").rename(site.folder.parent / "elsewhere")
    list(init.write_plan(site.demo.plan_file, site.folder, site.demo.folder))
    site.edit_plan(**{key: by_hand[key] for key in ("backup", "notes", "broker")})
    outcome = site.judge("pre")
    assert outcome.gate["upgrade"]["target"]["version"] == "26.0.0"
    assert not outcome.outcomes("error"), outcome.out


def test_an_existing_plan_is_not_overwritten(site: Site) -> None:
    before = site.demo.plan_file.read_bytes()
    outcome = site.call("init")
    assert (outcome.code, site.demo.plan_file.read_bytes()) == (64, before)
    assert "exists already" in outcome.err


@pytest.mark.parametrize("text", ["", "clouds: 3\n", "clouds: {}\n", "[", "- a\n"])
def test_a_broken_clouds_yaml_is_left_aside(tmp_path: Path, text: str) -> None:
    (tmp_path / "clouds.yaml").write_text(text, "utf-8")
    path = tmp_path / "plan.yaml"
    list(init.write_plan(path, tmp_path, tmp_path))
    assert plan.load(path)[0].api.cloud is None
