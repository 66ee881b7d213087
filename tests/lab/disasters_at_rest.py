"""What goes wrong before an engine of the target works: the backup, the code and the schema."""

import contextlib
import secrets
import tarfile
from collections.abc import Iterator
from functools import partial

from tests.lab import venvs
from tests.lab.disaster import FIRST, REMEDIED, Disaster, Words, disaster, lead_to, opens
from tests.lab.rolling import CURRENT_VHOST
from tests.lab.whole_upgrade import WholeUpgrade
from tests.services.processes import ServerError

AT_REST: list[Disaster] = []
_disaster = partial(disaster, AT_REST)


@_disaster(
    9,
    "Backup of the wrong database",
    "the backup holds Keystone's database",
    "pre",
    "backup.exists",
)
def backup_of_another_database(upgrade: WholeUpgrade) -> Iterator[Words]:
    upgrade.prepare(rehearse=False, alone=True)
    plan, lab = upgrade.gates.plan["backup"], upgrade.lab
    right = plan["path"]
    wrong = lab.folder / "backup" / "keystone.sql"
    lab.mariadb.dump("keystone", wrong)
    plan["path"] = str(wrong)
    yield str(wrong), "holds keystone, not heat"
    plan["path"] = right
    yield REMEDIED


@_disaster(
    10,
    "Charset trap",
    "tables from before alembic are utf8mb3, and the database's default is utf8mb4",
    "pre",
    "schema.charset",
    charset="utf8mb4",
)
def charset_trap(upgrade: WholeUpgrade) -> Iterator[Words]:
    upgrade.lab.db_sync(20)
    upgrade.prepare(rehearse=False, alone=True)
    yield "database heat", "88be64598c0f refers to snapshot.id and will fail"
    (finding,) = upgrade.last.check("schema.charset")["findings"]
    ((*_, statement),) = finding["commands"]
    upgrade.lab.mariadb.execute(statement)
    yield REMEDIED


@_disaster(
    11,
    "Skipped series",
    "the target is two series ahead, and the plan does not allow it",
    "pre",
    "release.path",
    pair=(24, 26),
)
def skipped_series(upgrade: WholeUpgrade) -> Iterator[Words]:
    upgrade.prepare(rehearse=False, alone=True)
    yield venvs.version(24), venvs.version(26), "skips a series"
    upgrade.gates.plan["allow_skip_level"] = True
    yield REMEDIED


@_disaster(
    12,
    "Changed release note",
    "a note reads differently than when it was signed",
    "pre",
    "release.notes-acknowledged",
)
def changed_note(upgrade: WholeUpgrade) -> Iterator[Words]:
    upgrade.prepare(rehearse=False, alone=True)
    notes = upgrade.gates.plan["notes"]
    with tarfile.open(notes["target"]) as sdist:
        sdist.extractall(upgrade.lab.folder / "sdist", filter="data")
    pattern = "sdist/*/releasenotes/notes/make-snapshot-convergence-aware*.yaml"
    (note,) = upgrade.lab.folder.glob(pattern)
    note.write_text(note.read_text("utf-8") + "\n", "utf-8")
    notes["target"] = str(note.parent)
    yield note.name, "changed since it was acknowledged"
    upgrade.gates.acknowledge()
    yield REMEDIED


# --- the code and the schema


@_disaster(
    8,
    "Another auth_encryption_key",
    "the target's heat.conf has a key of its own",
    "installed",
    "config.continuity",
    "config.credentials-decrypt",
)
def another_key(upgrade: WholeUpgrade) -> Iterator[Words]:
    lead_to(upgrade, "installed", alone=True)
    key = secrets.token_hex(16)
    upgrade.lab.configuration(26, upgrade.new_vhost, FIRST, auth_encryption_key=key)
    yield "[DEFAULT] auth_encryption_key", "user_creds"
    upgrade.install()
    yield REMEDIED


@_disaster(
    22,
    "One vhost for both",
    "transport_url of the target's heat.conf names the current release's vhost",
    "installed",
    "vhost.rpc-compatible",
)
def one_vhost_for_both(upgrade: WholeUpgrade) -> Iterator[Words]:
    lead_to(upgrade, "installed", alone=True)
    same = upgrade.lab.configuration(26, CURRENT_VHOST, FIRST)
    upgrade.gates.plan["target"]["config"] = [str(same)]
    yield "broker.isolation", f"both configurations name vhost {CURRENT_VHOST}", str(same)
    upgrade.install()
    yield REMEDIED


@_disaster(
    3,
    "Target started before db_sync",
    "installing the target release starts its engine",
    "installed",
    "services.versions",
)
def started_before_db_sync(upgrade: WholeUpgrade) -> Iterator[Words]:
    lead_to(upgrade, "installed", alone=True)
    upgrade.lab.add_vhost(upgrade.new_vhost)
    early = upgrade.start_engine(FIRST)
    yield f"engine {FIRST} ({early.engine_ids[0]})", upgrade.new_vhost
    early.stop()
    yield REMEDIED


@_disaster(
    2,
    "db_sync by the current release",
    "db_sync is run with the current release's code: it changes nothing and succeeds",
    "synced",
    "schema.at-head",
    also={"schema.serves-target": "what is missing from the schema is what the target needs"},
)
def db_sync_by_the_current_release(upgrade: WholeUpgrade) -> Iterator[Words]:
    lead_to(upgrade, "installed", alone=True)
    opens(upgrade, "installed")
    upgrade.sync(25)
    yield "heat", "c6214ca60943", "97b2a986f922"
    upgrade.sync()
    # In the other order it fails and changes nothing.
    with contextlib.suppress(ServerError):
        upgrade.sync(25)
        raise AssertionError("db_sync of 25 succeeds on the schema of 26")
    yield REMEDIED


@_disaster(
    15,
    "Gate left out",
    "db_sync is run without asking `installed`",
    "synced",
    "journal.in-order",
)
def gate_left_out(upgrade: WholeUpgrade) -> Iterator[Words]:
    lead_to(upgrade, "installed", alone=True)
    upgrade.sync()
    yield "gate installed", "was not run for this upgrade"
    opens(upgrade, "installed")
    yield REMEDIED


@_disaster(
    24,
    "Memory alarm just raised",
    "the broker blocks whoever publishes a moment before the first new engine is to start",
    "vhost",
    "broker.healthy",
    also={"api.answers": "what an API asks an engine is not published"},
)
def memory_alarm(upgrade: WholeUpgrade) -> Iterator[Words]:
    broker = upgrade.lab.rabbitmq
    lead_to(upgrade, "vhost", alone=True)
    broker.evaluate("vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1000000}).")
    yield "memory alarm", "takes no message"
    broker.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.4).")
    yield REMEDIED
