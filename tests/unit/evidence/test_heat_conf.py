"""heat.conf is read as oslo.config reads it."""

import grp
import os
import pwd
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf
from heat_upgrade_checks.plan import Side
from heat_upgrade_checks.secrets import Secrets


def _conf(folder: Path, text: str, secrets: Secrets | None = None, **side: object) -> HeatConf:
    path = folder / "heat.conf"
    path.write_text(text, encoding="utf-8")
    plan = Side.model_validate({"version": "25.0.2", "config": [str(path)], **side})
    return HeatConf("current", plan, secrets or Secrets())


def _transport(folder: Path, url: str) -> HeatConf:
    return _conf(folder, f"[DEFAULT]\ntransport_url = {url}\n")


@pytest.mark.parametrize(
    ("url", "vhost"),
    [
        ("rabbit://u:p@h:5672/heat-n", "heat-n"),
        ("rabbit://u:p@h:5672/", "/"),
        ("rabbit://u:p@h:5672", "/"),
        ("rabbit://u:p@h:5672/%2F", "/"),
        ("rabbit://u:p@h:5672//heat", "/heat"),
        ("rabbit://u:p@h:5672/%2Fheat?ssl=1", "/heat"),
        ("rabbit://u:p@h:5672/heat/", "heat/"),
        ("rabbit://u:p@h:5672/50%2525", "50%"),
        ("rabbit://u:p@h1:5672,u:p@h2:5673/heat", "heat"),
    ],
)
def test_the_vhost_is_the_one_that_oslo_messaging_uses(
    tmp_path: Path, url: str, vhost: str
) -> None:
    assert _transport(tmp_path, url).transport().vhost == vhost


def test_every_host_has_its_account(tmp_path: Path) -> None:
    url = "rabbit://heat:p%40ss%2Fword@h1:5672,other:second99@[::1]/heat"
    first, second = _transport(tmp_path, url).transport().hosts
    assert (first.host, first.port, first.username, first.password) == (
        "h1",
        5672,
        "heat",
        "p@ss/word",
    )
    assert (second.host, second.port, second.username) == ("::1", 5672, "other")


@pytest.mark.parametrize(
    "url", ["kafka://h:9092", "rabbit://", "rabbit://u:p@:1/v", "rabbit://u:p@h:port/v", "nonsense"]
)
def test_another_transport_is_not_observable(tmp_path: Path, url: str) -> None:
    with pytest.raises(Unobserved, match="transport_url of the current release"):
        _transport(tmp_path, url).transport()


def test_the_last_of_repeated_keys_wins_and_variables_resolve(tmp_path: Path) -> None:
    conf = _conf(
        tmp_path,
        "[DEFAULT]\nmy_ip = 10.0.0.1\nhost = first\nhost = engine-$my_ip\n"
        "[database]\nconnection = sqlite:///a\n",
    )
    assert conf.get("host") == "engine-10.0.0.1"
    assert conf.get("not_there") is None
    assert conf.get("connection", "no_such_section") is None


def test_a_directory_overrides_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "10-vhost.conf").write_text("[DEFAULT]\ntransport_url=rabbit://u:p@h/new\n", "utf-8")
    # oslo.config leaves hidden files aside.
    (folder / ".99.conf").write_text("[DEFAULT]\ntransport_url=rabbit://u:p@h/x\n", "utf-8")
    conf = _conf(
        tmp_path, "[DEFAULT]\ntransport_url = rabbit://u:p@h/old\n", config_dirs=[str(folder)]
    )
    assert conf.transport().vhost == "new"
    assert str(folder / "10-vhost.conf") in conf.files


def test_the_services_environment_goes_before_the_files(tmp_path: Path) -> None:
    environment = tmp_path / "heat-engine.env"
    environment.write_text(
        "# the unit's\nLANG=C\nOS_DEFAULT__MY_IP=10.0.0.2\n"
        "OS_DEFAULT__TRANSPORT_URL='rabbit://u:canary-rabbit@h/from-environment'\n"
        'OS_OSLO_MESSAGING_RABBIT__HEARTBEAT_RATE="3"\n',
        "utf-8",
    )
    secrets = Secrets()
    conf = _conf(
        tmp_path,
        "[DEFAULT]\ntransport_url = rabbit://u:p@h/from-file\nhost = engine-$my_ip\nmy_ip = a\n",
        secrets,
        environment_files=[str(environment)],
    )
    assert conf.transport().vhost == "from-environment"
    assert conf.get("host") == "engine-10.0.0.2"
    assert conf.get("heartbeat_rate", "oslo_messaging_rabbit") == "3"
    assert conf.files == (str(tmp_path / "heat.conf"), str(environment))
    assert "canary" not in secrets.redact("canary-rabbit")


def test_an_environment_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    environment = tmp_path / "heat.env"
    with pytest.raises(Unobserved, match=r"heat\.env: No such file"):
        _conf(tmp_path, "[DEFAULT]\n", environment_files=[str(environment)])
    environment.write_text("OS_DATABASE__CONNECTION='canary\n", "utf-8")
    with pytest.raises(Unobserved, match=r"heat\.env, line 1") as refused:
        _conf(tmp_path, "[DEFAULT]\n", environment_files=[str(environment)])
    assert "canary" not in str(refused.value)


def test_a_variable_that_is_set_nowhere_is_told_from_an_option_that_is_not_set(
    tmp_path: Path,
) -> None:
    conf = _conf(tmp_path, "[DEFAULT]\nhost = engine-$nowhere\nregion = a$$b\n")
    with pytest.raises(Unobserved, match=r"\[DEFAULT\] host of the current release"):
        conf.get("host")
    assert conf.get("region") == "a$b"
    conf = _conf(tmp_path, "[DEFAULT]\nhost = engine-${nowhere.host}\n")
    with pytest.raises(Unobserved, match=r"\[DEFAULT\] host of the current release"):
        conf.get("host")


def test_a_malformed_line_is_named_but_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(Unobserved, match="line 2") as refused:
        _conf(tmp_path, "[DEFAULT]\ncanary-secret-in-a-bad-line\n")
    assert "canary" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    side = Side.model_validate({"version": "25.0.2", "config": [str(tmp_path / "gone.conf")]})
    with pytest.raises(Unobserved, match=r"gone\.conf: No such file"):
        HeatConf("current", side, Secrets())


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Without the rights of root, where the tests have them."""
    me = os.geteuid()
    if me != 0:
        yield
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(me)


def _refused(folder: Path, **side: object) -> str:
    plan = Side.model_validate({"version": "25.0.2", "config": [str(folder / "heat.conf")], **side})
    with _as_nobody(), pytest.raises(Unobserved) as refused:
        HeatConf("current", plan, Secrets())
    return str(refused.value)


@pytest.fixture
def etc() -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's, with a heat.conf."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder, "heat")
        path.mkdir()
        (path / "heat.conf").write_text("[DEFAULT]\nhost = a\n", "utf-8")
        for each in (path.parent, path):
            each.chmod(0o755)
        yield path
        path.chmod(0o755)


def test_who_may_read_a_file_is_told(etc: Path) -> None:
    owner = pwd.getpwuid(os.geteuid()).pw_name
    (etc / "heat.conf").chmod(0)
    said = _refused(etc)
    assert f"{etc / 'heat.conf'}: Permission denied; it belongs to {owner} and group " in said
    assert "mode 0000, and this is run by" in said
    assert said.endswith("; run it as root")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another group")
def test_who_may_let_in_is_told_with_the_command(etc: Path) -> None:
    os.chown(etc / "heat.conf", 0, grp.getgrnam("daemon").gr_gid)
    (etc / "heat.conf").chmod(0o640)
    said = _refused(etc)
    assert "it belongs to root and group daemon, mode 0640, and this is run by nobody" in said
    assert said.endswith(": sudo usermod --append --groups daemon nobody")


def test_a_folder_that_bars_the_way_is_told(etc: Path) -> None:
    etc.chmod(0o600)
    said = _refused(etc)
    assert f"Permission denied; its folder {etc} belongs to" in said


def test_a_folder_that_may_not_be_listed_is_not_empty(etc: Path) -> None:
    conf_d = etc / "conf.d"
    conf_d.mkdir()
    (conf_d / "50.conf").write_text("[DEFAULT]\nhost = b\n", "utf-8")
    conf_d.chmod(0o311)
    said = _refused(etc, config_dirs=[str(conf_d)])
    assert f"{conf_d}: Permission denied; it belongs to" in said


def test_secrets_are_known_as_soon_as_they_are_read(tmp_path: Path) -> None:
    secrets = Secrets()
    conf = _conf(
        tmp_path,
        "[DEFAULT]\nauth_encryption_key = canary-encryption-key\n"
        "transport_url = rabbit://u:canary%2Frabbit@h/v\n"
        "[keystone_authtoken]\npassword = canary-keystone\n"
        "[database]\nconnection = mysql+pymysql://heat:canary-db%21@h/heat\n",
        secrets,
    )
    conf.transport()
    conf.database_url()
    text = "canary-encryption-key canary/rabbit canary%2Frabbit canary-keystone canary-db!"
    assert "canary" not in secrets.redact(text)


@pytest.mark.parametrize(
    "option",
    [
        "[database]\nconnection = mysql+pymysql://heat@h/heat?password={}",
        "[database]\nconnection = mysql+pymysql://heat:{}@h/heat",
        "[DEFAULT]\ntransport_url = rabbit://heat:{}@h1,heat:{}@h2/heat",
        "[oslo_cache]\nurl = redis://:{}@h/0",
    ],
)
@pytest.mark.parametrize("password", ["canary-1", "can/ary-2", "can@ary-3", "can#ary%2D4"])
def test_a_url_s_password_is_known_however_it_is_spelled(
    tmp_path: Path, option: str, password: str
) -> None:
    secrets = Secrets()
    _conf(tmp_path, option.replace("{}", password) + "\n", secrets)
    assert "ary" not in secrets.redact(f"{password} {unquote(password)}")


def test_a_password_that_stands_in_another_option_is_known(tmp_path: Path) -> None:
    secrets = Secrets()
    text = "[DEFAULT]\npart = canary-db\n[database]\nconnection = mysql://heat:1$part@h/heat\n"
    conf = _conf(tmp_path, text, secrets)
    assert conf.database_url() == "mysql://heat:1canary-db@h/heat"
    assert secrets.redact("1canary-db") == "***"


@pytest.mark.parametrize(
    ("url", "is_refused"),
    [
        ("mysql://heat:can@ary@h/heat", True),
        ("mysql://heat:can@ary/x@h/heat", True),
        ("mysql://heat:can/ary@h/heat", False),
        ("mysql://heat:can[ary@h/heat", False),
        ("sqlite:////var/lib/heat@1.sqlite", False),
    ],
)
def test_the_rest_of_a_password_is_taken_for_no_host(
    tmp_path: Path, url: str, is_refused: bool
) -> None:
    conf = _conf(tmp_path, f"[database]\nconnection = {url}\n")
    if not is_refused:
        assert conf.database_url() == url
        return
    with pytest.raises(Unobserved, match="write one that belongs to the password as %40") as told:
        conf.database_url()
    assert "ary" not in str(told.value)


@pytest.mark.parametrize(
    "url", ["rabbit://u:12/3canary@h/v", "rabbit://u:1@h,u:12/3canary@h/v", "rabbit://u:1?2@h/v"]
)
def test_the_rest_of_a_password_is_taken_for_no_vhost(tmp_path: Path, url: str) -> None:
    with pytest.raises(Unobserved, match="belongs to the password as %2F") as told:
        _transport(tmp_path, url).transport()
    assert "canary" not in str(told.value)


def test_a_vhost_may_hold_an_at_sign(tmp_path: Path) -> None:
    assert _transport(tmp_path, "rabbit://u:p@h/heat@prod").transport().vhost == "heat@prod"
