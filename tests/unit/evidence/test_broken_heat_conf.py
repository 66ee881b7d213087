"""A heat.conf of any bytes is read as oslo.config reads it, or not observed; no secret is told."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oslo_config import cfg

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.configuration import messaging_options
from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf
from heat_upgrade_checks.plan import Side
from heat_upgrade_checks.secrets import Secrets

WHOLE = b"""\
[DEFAULT]
# the vhost of 25
transport_url = rabbit://heat:canary-of-rabbit@one:5672,heat:canary-of-rabbit@two:5672/heat-25?ssl=1
auth_encryption_key = canary-of-the-encryption-32-long
my_ip = 10.0.0.1
host = engine-$my_ip
num_engine_workers=4
graceful_shutdown_timeout : 90
plugin_dirs = /usr/lib/heat,
    /opt/site/plugins

[database]
connection = mysql+pymysql://heat:canary-of-mariadb@db.example/heat?charset=utf8mb4
[oslo_messaging_rabbit]
rabbit_quorum_queue = true
[trustee]
password = canary-of-the-trustee
username = caf\xc3\xa9
"""
READ: tuple[Callable[[HeatConf], object], ...] = (
    HeatConf.transport,
    HeatConf.notification_transport,
    HeatConf.database_url,
    messaging_options.read,
    messaging_options.read_login,
    lambda conf: conf.number("graceful_shutdown_timeout", 60),
    lambda conf: conf.get("host"),
    lambda conf: conf.get("plugin_dirs"),
    lambda conf: conf.get("username", "trustee"),
)
PIECES = (
    *(b"\x00", b"\xff", b"\xed\xa0\x80", b"\r", b"\n", b"\t", b" ", b"[", b"]", b"[]", b"[ ]"),
    *(b"=", b":", b"$", b"${", b"$$", b"${database.connection}", b"%", b"@", b"/", b"#", b'"'),
    *(b"\n[DEFAULT]\n", b"\n[default]\n", b"\nconfig_file = x\n", b"\nhost\n", b"\n = 1\n"),
    *(b"\nhost = $host\n", "\u2028".encode(), "\ufeff".encode(), b"rabbit://", b"-1", b"\n  x\n"),
)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    how = draw(st.sampled_from(["cut", "insert", "overwrite", "swap", "bytes"]))
    if how == "bytes":
        return how, draw(st.binary(max_size=200))
    at = draw(st.integers(0, len(WHOLE)))
    if how == "cut":
        return how, WHOLE[:at]
    if how == "swap":
        lines = WHOLE.splitlines(keepends=True)
        return how, b"".join(draw(st.permutations(lines)))
    piece = draw(st.sampled_from(PIECES) | st.binary(min_size=1, max_size=4))
    return how, WHOLE[:at] + piece + WHOLE[at + (len(piece) if how == "overwrite" else 0) :]


def _oslo(path: Path) -> bool:
    """Whether oslo.config itself reads the file."""
    try:
        cfg.ConfigOpts()([f"--config-file={path}"], default_config_files=[], use_env=False)
    except (cfg.Error, cfg.ParseError, UnicodeDecodeError):
        return False
    return True


def _told(path: Path, secrets: Secrets) -> Iterator[str | None]:
    """What is said of the file, and of each thing that is read in it; None where it is read."""
    side = Side.model_validate({"version": "25.0.2", "config": [str(path)]})
    try:
        conf = HeatConf("current", side, secrets)
    except Unobserved as error:
        yield str(error)
        return
    yield None
    for read in READ:
        try:
            read(conf)
        except Unobserved as error:
            yield str(error)
        else:
            yield None


def test_any_bytes_are_read_or_not_observed(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "heat.conf"
    path.write_bytes(WHOLE)
    assert set(_told(path, Secrets())) == {None}
    seen: Counter[tuple[str, str]] = Counter()

    @settings(max_examples=2500)
    @given(damaged())
    def breaks(case: tuple[str, bytes]) -> None:
        how, content = case
        path.write_bytes(content)
        whole, *parts = _told(path, Secrets())
        assert (whole is None) <= _oslo(path), content
        for said in (whole, *parts):
            assert "canary" not in (said or ""), said
        seen[how, "not read" if whole else "in part" if any(parts) else "read"] += 1

    breaks()
    for how in ("insert", "overwrite", "swap", "cut"):
        assert all(seen[how, end] for end in ("not read", "in part", "read")), seen
    assert seen["bytes", "not read"] > seen["bytes", "read"], seen
    assert seen.total() >= 2500
