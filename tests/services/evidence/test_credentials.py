"""Credentials that a real Heat encrypted, in databases of every kind that Heat runs on."""

import base64
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.code.interpreter import Interpreter
from heat_upgrade_checks.evidence.database import credentials
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.stacks import cfn_signals
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.plan import Plan
from tests.driver import call
from tests.judging import check_at, judge
from tests.lab import venvs
from tests.services.heat_databases import PASSWORD, HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL

CHECK = check_at("config.credentials-decrypt", "pre")
KEY = "canary-key-7d30c1f5a98b4e62-end."
OTHER = "canary-key-b24e6f01d7c93a58-end."
PLAIN = "canary-of-what-was-stored"
TRUST = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

# Run by Heat's own interpreter: its crypt code for today's method, and what it once wrote by the
# older ones, of which it has only kept the decryption.
ENCRYPT = """
import base64, json, os, sys
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from heat.common import crypt
key, plain, trust = sys.argv[1:]

def old(text):
    iv = os.urandom(16)
    cipher = Cipher(algorithms.AES(key.encode()), modes.CFB(iv)).encryptor()
    return ["heat_decrypt", base64.b64encode(iv + cipher.update(text.encode())).decode()]

print(json.dumps({
    "trust": crypt.encrypt(trust, key),
    "plain": crypt.encrypt(plain, key),
    "properties": crypt.encrypted_dict({"p": plain, "q": [1]}, key),
    "old_trust": old(trust),
    "old_plain": old(plain),
}))
"""


@pytest.fixture(scope="module", params=[("sqlite", 19), ("mariadb", 27), ("postgresql", 24)])
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HeatDatabase]:
    """A database of a release, with a stack and nothing encrypted in it."""
    kind, release = request.param
    folder = tmp_path_factory.mktemp(kind)
    kinds: dict[str, type[MariaDB | PostgreSQL]] = {"mariadb": MariaDB, "postgresql": PostgreSQL}
    with ExitStack() as running:
        url = f"sqlite:///{folder}/heat.sqlite"
        if kind in kinds:
            server = kinds[kind](folder / "server")
            running.callback(server.kill)
            server.start()
            server.add_database("heat", "heat", PASSWORD)
            url = server.url("heat", "heat", PASSWORD)
        made = HeatDatabase(url, folder)
        made.db_sync(release)
        made.fill()
        yield made


@pytest.fixture(scope="module")
def encrypted() -> dict[str, Any]:
    """What Heat 25 encrypts with `KEY`."""
    command = [str(venvs.interpreter(25)), "-I", "-c", ENCRYPT, KEY, PLAIN, TRUST]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def interpreters() -> dict[SideName, Interpreter]:
    """Heat 25 and 26, started once for all tests here."""
    return {
        "current": Interpreter(venvs.interpreter(25), "current"),
        "target": Interpreter(venvs.interpreter(26), "target"),
    }


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of Heat 25 in a file."""
    folder = tmp_path_factory.mktemp("synced")
    made = HeatDatabase(f"sqlite:///{folder}/heat.sqlite", folder)
    made.db_sync(25)
    made.fill()
    return folder / "heat.sqlite"


@pytest.fixture
def small(synced: Path, tmp_path: Path) -> HeatDatabase:
    """A copy of it for one test."""
    shutil.copy(synced, tmp_path / "heat.sqlite")
    return HeatDatabase(f"sqlite:///{tmp_path}/heat.sqlite", tmp_path)


@contextmanager
def _session(database: HeatDatabase) -> Iterator[sa.Connection]:
    url = sa.make_url(database.url)
    drivers = {"postgresql+psycopg2": "postgresql+psycopg"}
    engine = sa.create_engine(url.set(drivername=drivers.get(url.drivername, url.drivername)))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def _store(database: HeatDatabase, encrypted: dict[str, Any], rows: int = 1) -> None:
    """As heat/db/api.py does; `rows` of each kind, and what has no key beside them."""
    tables = sa.MetaData()
    with _session(database) as connection:
        tables.reflect(connection)

        def add(table: str, **values: object) -> None:
            connection.execute(tables.tables[table].insert().values(**values))

        held = connection.exec_driver_sql("SELECT min(id) FROM resource").scalar()
        for _ in range(rows):
            method, value = encrypted["trust"]
            add("user_creds", trust_id=value, decrypt_method=method)
            method, value = encrypted["plain"]
            add("user_creds", password=value, decrypt_method=method)
            data = {"key": "secret_key", "resource_id": held, "redact": True}
            add("resource_data", value=value, decrypt_method=method, **data)
            stored = json.dumps(encrypted["properties"])
            add("resource_properties_data", data=stored, encrypted=True)
        add("user_creds", username="nobody")
        add("resource_data", key="open", value="text", redact=False, resource_id=held)
        add("resource_properties_data", data='{"p": 1}', encrypted=False)


def _plan(folder: Path, url: str, keys: dict[SideName, str]) -> dict[str, Any]:
    """`keys` are those of the sides; a side without one has no interpreter."""
    plan: dict[str, Any] = {"name": "credentials", "mode": "rolling"}
    plan |= {"current": {"version": "25.0.2"}, "target": {"version": "26.0.2"}}
    for side, key in {"current": "", **keys}.items():
        conf = folder / f"{side}.conf"
        text = f"[DEFAULT]\nauth_encryption_key = {key}\n[database]\nconnection = {url}\n"
        conf.write_text(text, "utf-8")
        plan[side]["config"] = [str(conf)]
        if key:
            plan[side]["python"] = str(venvs.interpreter({"current": 25, "target": 26}[side]))
    return plan


Judge = Callable[..., Judgement]


@pytest.fixture
def judge_with(tmp_path: Path, interpreters: dict[SideName, Interpreter]) -> Judge:
    """Judges a database, with a key for each side that is installed."""

    def judging(database: HeatDatabase, phase: str = "installed", **keys: str) -> Judgement:
        given = {side: keys[side] for side in interpreters if side in keys}
        plan = _plan(tmp_path, database.url, given)
        site = Site(Plan.model_validate(plan), tmp_path, _interpreters=dict(interpreters))
        return judge(CHECK, phase, credentials=credentials.observe(site))

    return judging


def test_another_key_is_a_no_go(
    database: HeatDatabase, judge_with: Judge, encrypted: dict[str, Any]
) -> None:
    empty = judge_with(database, target=KEY)
    assert [each.level for each in empty.findings] == ["note"]
    assert "nothing to decrypt" in empty.findings[0].summary
    assert cfn_signals.observe(database.site()).stacks == 0

    _store(database, encrypted, rows=25)
    assert not judge_with(database, target=KEY).findings

    lost = judge_with(database, current=KEY, target=OTHER)
    assert {each.object: len(each.data["ids"]) for each in lost.findings} == {
        "user_creds.trust_id": 20,
        "user_creds.password": 20,
        "resource_data.value": 20,
        "resource_properties_data.data": 20,
    }
    assert {each.level for each in lost.findings} == {"blocker"}
    newest = lost.findings[0].data["ids"]
    assert newest == sorted(newest, reverse=True)
    found = cfn_signals.observe(database.site())
    assert (found.stacks, found.named) == (1, ("stack-root (root)",))


def test_before_the_target_there_is_the_current_release(
    small: HeatDatabase, judge_with: Judge, encrypted: dict[str, Any]
) -> None:
    _store(small, encrypted)
    assert not judge_with(small, "pre", current=KEY).findings
    lost = judge_with(small, "pre", current=OTHER).findings
    assert {each.level for each in lost} == {"blocker"}
    assert "by the current release" in lost[0].summary
    with pytest.raises(Unobserved, match=r"add target\.python"):
        judge_with(small, "pre")


def test_what_was_lost_before_is_a_warning(
    small: HeatDatabase, judge_with: Judge, encrypted: dict[str, Any]
) -> None:
    _store(small, encrypted)
    findings = judge_with(small, current=OTHER, target=OTHER).findings
    assert {each.level for each in findings} == {"warning"}
    assert "by either release" in findings[0].summary


def test_old_methods_tell_nothing_alone(
    small: HeatDatabase, judge_with: Judge, encrypted: dict[str, Any]
) -> None:
    old = {"trust": encrypted["old_trust"], "plain": encrypted["old_plain"]}
    _store(small, encrypted | old)
    assert not judge_with(small, current=KEY, target=KEY).unknowns
    alone = judge_with(small, target=KEY)
    # A trust's id has a shape; what other texts should be is known to nobody.
    assert not alone.findings
    assert [unknown.split(" ")[5] for unknown in alone.unknowns] == [
        "user_creds.password",
        "resource_data.value",
    ]
    before = judge_with(small, "pre", current=KEY)
    assert {each.level for each in before.findings} == {"note"}
    changed = judge_with(small, current=KEY, target=OTHER)
    assert changed.unknowns or changed.findings
    assert all(each.level == "blocker" for each in changed.findings)


def test_damaged_rows_are_refused(
    small: HeatDatabase, judge_with: Judge, encrypted: dict[str, Any]
) -> None:
    method, text = encrypted["plain"]
    damaged = {"plain": ["no_such_method", text], "trust": [method, text[:-9]], "properties": [1]}
    _store(small, encrypted | damaged)
    assert [each.level for each in judge_with(small, target=KEY).findings] == ["blocker"] * 4


def test_nothing_secret_is_told(small: HeatDatabase, encrypted: dict[str, Any]) -> None:
    _store(small, encrypted)
    path = small.folder / "plan.yaml"
    keys: dict[SideName, str] = {"current": KEY, "target": OTHER}
    path.write_text(yaml.safe_dump(_plan(small.folder, small.url, keys)), "utf-8")
    words = ("--phase", "installed", "--only", "config.credentials-decrypt", "--plan", path)
    outcome = call(*words, "--reports", small.folder / "reports", cwd=small.folder)
    assert outcome.code == 2, outcome.out + outcome.err
    stored = [encrypted["trust"][1], encrypted["plain"][1]]
    for secret in (KEY, OTHER, PLAIN, TRUST, *stored):
        raw = secret.encode()
        forms = [secret, base64.b64encode(raw).decode(), raw.hex()]
        forms += [hashlib.new(name, raw).hexdigest() for name in ("md5", "sha1", "sha256")]
        assert not [form for form in forms if form in outcome.written]
