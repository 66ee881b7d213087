"""The plan is validated with the path of the key, and never holds a secret."""

import os
import pwd
from datetime import timedelta
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.files import yaml_documents
from heat_upgrade_checks.plan import load
from heat_upgrade_checks.secrets import Secrets

SMALLEST = """\
name: heat-2025.2-to-2026.1
mode: rolling
current: {python: /opt/heat-2025.2/bin/python, config: [/etc/heat/heat.conf]}
target: {version: 26.0.2}
"""


def _refusal(folder: Path, text: str) -> str:
    path = folder / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        load(path)
    sentence = str(refused.value)
    assert sentence.startswith(f"plan {path}")
    assert "\n" not in sentence
    return sentence.removeprefix(f"plan {path}")


def test_the_smallest_plan_of_the_guide_is_one(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(SMALLEST, encoding="utf-8")
    plan, digest = load(path)
    assert plan.current.config == (Path("/etc/heat/heat.conf"),)
    assert plan.target.version == "26.0.2"
    assert plan.broker.isolation == "vhost"
    assert len(digest) == 64


def test_paths_start_at_the_plan_and_keep_their_links(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.touch()
    (tmp_path / "python").symlink_to(real)
    path = tmp_path / "plan.yaml"
    path.write_text(SMALLEST.replace("/opt/heat-2025.2/bin/python", "python"), encoding="utf-8")
    assert load(path)[0].current.python == tmp_path / "python"


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ("brokr: {}", ": brokr: unknown key; did you mean broker?"),
        (
            "broker: {managment: ['http://a:15672']}",
            ": broker.managment: unknown key; did you mean management?",
        ),
        ("backup: {path: /b, max_age: soon}", ": backup.max_age: write a duration as a number"),
        ("backup: {path: /b, max_agee: 1h}", ": backup.max_agee: unknown key; did you mean max_a"),
        ("name: twice", ", line 5: key 'name' stands twice"),
        ("database: {url: 'mysql://heat:secret99@db/heat'}", ": database.url: a password does not"),
        ("broker: {isolation: none}", ": broker.isolation: Input should be 'vhost' or 'shared'"),
        ("broker: {password: hunter2hunter2}", ": broker.password: unknown key; did you mean"),
        ("notes: {current: /a}", ": notes: give either current: and target:, or git:"),
        ("backup: [", ", line 6: "),
        ("journal: {max_age: 99999999999d}", ": journal.max_age: a duration is at most 3650d"),
        (f"window: {'9' * 5000}s", ": window: a duration is at most 3650d"),
        ("waivers: ~no-such-user-here/w", ": waivers: ~no-such-user-here: there is no such user"),
        ('waivers: "a\\0b"', ", line 5: a NUL character stands there"),
    ],
)
def test_a_mistake_is_told_with_its_key(tmp_path: Path, extra: str, sentence: str) -> None:
    assert _refusal(tmp_path, f"{SMALLEST}{extra}\n").startswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ": must be a mapping"),
        ("- a\n", ": must be a mapping"),
        (SMALLEST.replace("name: heat", "name: ../heat"), ": name: "),
        (SMALLEST.replace("version: 26.0.2", "version: pike"), ": target: 'pike' is not a version"),
        (SMALLEST.replace("{version: 26.0.2}", "{}"), ": target: give python:"),
        ("mode: rolling\n", ": name: is missing"),
        ("\x00", ": "),
        ("? [a]\n: b\n", ", line 1: "),
        (SMALLEST + "\tx: 1\n", ", line 5: "),
        ("[" * 20_000, ": not readable as YAML"),
        (SMALLEST + "require: &a [*a]\n", ": require.0: "),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    assert _refusal(tmp_path, text).startswith(sentence)


@pytest.mark.parametrize("mark", ["*", "!", "&a 1\nx: &", "!a!", "!!", "@", "`", "%"])
def test_a_value_that_is_no_value_in_yaml_is_not_repeated(tmp_path: Path, mark: str) -> None:
    sentence = _refusal(tmp_path, f"{SMALLEST}broker:\n  password: {mark}Sup3rSecret\n")
    assert "Sup3rSecret" not in sentence


@pytest.mark.parametrize("section", ["database: {url: %s}", "rehearsal: {url: %s}"])
@pytest.mark.parametrize(
    "url",
    [
        "mysql+pymysql://heat:Sup3rSecret@db/heat",
        "mysql+pymysql://heat:Sup3r@Secret@db/heat",
        "mysql+pymysql://heat:Sup3r/Secret@db/heat",
        "mysql+pymysql://heat:Sup3r#Secret@db/heat",
        "mysql+pymysql://heat@db/heat?password=Sup3rSecret",
        "postgresql://heat@db/heat?sslpassword=Sup3rSecret",
        "heat:Sup3rSecret@db/heat",
    ],
)
def test_no_url_of_the_plan_holds_a_password(tmp_path: Path, section: str, url: str) -> None:
    sentence = _refusal(tmp_path, f"{SMALLEST}{section % repr(url)}\n")
    assert "url: a password does not belong into the plan" in sentence
    assert "Secret" not in sentence


def test_sections_may_share_what_they_have_in_common(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(
        SMALLEST.replace("current: {", "current: &both {engines: [a], prefix: [in], ").replace(
            "target: {", "target: {<<: *both, prefix: [], python: /opt/n/bin/python, "
        ),
        encoding="utf-8",
    )
    plan, _ = load(path)
    assert (plan.current.engines, plan.current.prefix) == (("a",), ("in",))
    assert (plan.target.engines, plan.target.prefix) == (("a",), ())
    assert plan.target.python == Path("/opt/n/bin/python")


def test_merges_of_merges_are_read_at_once_and_hide_no_key_that_stands_twice() -> None:
    deep = "".join(f"a{n + 1}: &a{n + 1}\n  <<: [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(9))
    assert yaml_documents.parse(f"a0: &a0 {{k: 1}}\n{deep}".encode(), "x")["a9"] == {"k": 1}
    late = "a: &a {k: 1}\nx: {y: {z: &z {<<: *a, k: 2}}}\ntop: {<<: *z}\n"
    assert yaml_documents.parse(late.encode(), "x")["top"] == {"k": 2}
    with pytest.raises(UsageError, match="line 2: key 'k' stands twice"):
        yaml_documents.parse(b"a: &a {k: 1}\nb: {<<: *a, k: 2, k: 3}\n", "x")


def test_a_missing_plan_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="heat-upgrade-check init"):
        load(tmp_path / "none.yaml")


def test_a_password_comes_from_variable_or_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("from-the-file\n", encoding="utf-8")
    path = tmp_path / "plan.yaml"
    path.write_text(
        f"{SMALLEST}database: {{password_env: HEAT_TEST_PASSWORD}}\n"
        "broker: {username: u, password_file: secret}\n",
        encoding="utf-8",
    )
    plan, _ = load(path)
    secrets = Secrets()
    assert plan.broker.password(secrets) == "from-the-file"
    with pytest.raises(UsageError, match="HEAT_TEST_PASSWORD, which is not set"):
        plan.database.password(secrets)
    monkeypatch.setenv("HEAT_TEST_PASSWORD", "from-the-shell")
    assert plan.database.password(secrets) == "from-the-shell"
    assert secrets.redact("x from-the-file y from-the-shell z") == "x *** y *** z"


def test_durations_have_units(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(f"{SMALLEST}backup: {{path: /b, max_age: 2d}}\n", encoding="utf-8")
    plan, _ = load(path)
    assert plan.backup is not None
    assert plan.backup.max_age == timedelta(days=2)


def test_heat_manage_is_called_as_the_release_is_installed(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(
        SMALLEST.replace("config:", "config_dirs: [/etc/heat/d], prefix: [in, heat], config:"),
        encoding="utf-8",
    )
    plan, _ = load(path)
    assert " ".join(plan.current.heat_manage("service", "clean")) == (
        "in heat /opt/heat-2025.2/bin/heat-manage --config-file /etc/heat/heat.conf "
        "--config-dir /etc/heat/d service clean"
    )
    assert plan.target.heat_manage("db_sync") == ["heat-manage", "db_sync"]


def test_a_plan_that_may_not_be_read_tells_who_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # From within: another account may not pass the folders above.
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    path = Path("plan.yaml")
    path.write_text("name: x\n", "utf-8")
    path.chmod(0o000)
    mine = os.geteuid()
    if mine == 0:
        # Root may read everything.
        os.seteuid(65534)
    try:
        with pytest.raises(UsageError) as refused:
            load(path)
    finally:
        os.seteuid(mine)
    owner = pwd.getpwuid(path.stat().st_uid).pw_name
    said = str(refused.value)
    assert said.startswith(f"plan {path}: Permission denied: it belongs to {owner} and group ")
    assert said.endswith(", mode 0000, and this is run by nobody; run it as root")
