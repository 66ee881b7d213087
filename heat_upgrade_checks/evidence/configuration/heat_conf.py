"""Heat's configuration as oslo.config reads it, secrets included; it never leaves the evidence."""

import shlex
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from oslo_config import cfg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.configuration.environment_files import variables
from heat_upgrade_checks.files.access import who_may_read
from heat_upgrade_checks.plan import Side
from heat_upgrade_checks.secrets import SECRET_NAME, Secrets

# oslo_config/types.py, Boolean: without regard to case.
TRUE, FALSE = {"true", "1", "on", "yes"}, {"false", "0", "off", "no"}

_AMQP_PORT = 5672


@dataclass(frozen=True)
class BrokerHost:
    """One broker of a transport URL, with the account that Heat uses there."""

    host: str
    port: int
    username: str | None
    password: str | None


@dataclass(frozen=True)
class Transport:
    """Where messages go. `vhost` is "/" where the URL names none, as in oslo.messaging and kombu.

    `options` stand in the URL's query and override those of `[oslo_messaging_rabbit]`.
    """

    hosts: tuple[BrokerHost, ...]
    vhost: str
    options: dict[str, str] = field(default_factory=dict)


class HeatConf:
    """One release's configuration: files, directories, environment, read as oslo.config reads them.

    Every key that stands in the files is registered as a plain string, so that `$var` resolves
    and the last of repeated keys wins, without importing Heat.

    :raises Unobserved: no file is named, or one is missing, unreadable or malformed.
    """

    def __init__(self, side: str, plan: Side, secrets: Secrets) -> None:
        self.side = side
        self._secrets = secrets
        files = [str(path) for path in plan.config]
        directories = [str(path) for path in plan.config_dirs]
        if not files and not directories:
            raise Unobserved(
                f"the plan names no configuration of the {side} release; "
                f"add: {side}: {{config: [/etc/heat/heat.conf]}}"
            )
        self._conf = cfg.ConfigOpts()
        self._set: set[tuple[str, str]] = set()
        self._all: dict[tuple[str, str], list[str]] = defaultdict(list)
        arguments = [f"--config-file={file}" for file in files]
        arguments += [f"--config-dir={folder}" for folder in directories]
        try:
            configuration = files + [
                file for folder in plan.config_dirs for file in _files_of(folder)
            ]
            self.files = (*configuration, *map(str, plan.environment_files))
            for file in configuration:
                self._register(file)
            self._conf(
                arguments,
                project="heat",
                default_config_files=[],
                default_config_dirs=[],
                use_env=False,  # this process's environment is not that of Heat's services
            )
            for path in plan.environment_files:
                self._override(path)
        except (cfg.Error, cfg.ParseError, OSError, UnicodeDecodeError) as error:
            remedy = f"correct the file, or {side}.config in the plan"
            if side == "target" and isinstance(error, FileNotFoundError):
                remedy = "correct target.config in the plan, or leave it out until the file is made"
            if isinstance(error, PermissionError):
                remedy = who_may_read(Path(error.filename))
            raise Unobserved(
                f"configuration of the {side} release: {secrets.redact(_sentence(error))}; {remedy}"
            ) from None

    def _register(self, file: str) -> None:
        sections: dict[str, dict[str, list[str]]] = {}
        Path(file).open("rb").close()  # oslo.config would report a missing file without a reason
        try:
            cfg.ConfigParser(file, sections).parse()
        except cfg.ParseError as error:
            # Its message quotes the offending line, which may hold a secret.
            raise Unobserved(
                f"configuration of the {self.side} release: {file}, line {error.lineno}: "
                "not readable as a configuration file; correct it"
            ) from None
        for group, options in sections.items():
            for name, values in options.items():
                self._know(group, name.replace("-", "_"), values)
                self._all[group, name.replace("-", "_")] += values

    def _override(self, path: Path) -> None:
        for variable in variables(path):
            group, option = variable.group, variable.option
            try:
                value = " ".join(shlex.split(variable.value))
            except ValueError:
                raise Unobserved(
                    f"configuration of the {self.side} release: {path}, line {variable.line}: "
                    "a quotation mark is left open; correct it"
                ) from None
            self._know(group, option, [value])
            self._all[group, option] = [value]
            self._conf.set_override(option, value, None if group == "DEFAULT" else group)

    def _know(self, group: str, name: str, values: list[str]) -> None:
        for value in values:
            self._remember(name, value)
        if name.startswith("_"):
            return  # oslo.config lets no option be called so
        self._set.add((group, name))
        self._conf.register_opt(cfg.StrOpt(name), group=None if group == "DEFAULT" else group)

    def _remember(self, name: str, value: str) -> None:
        if SECRET_NAME.search(name.lower()):
            self._secrets.add(value)
        if "://" in value:
            self._secrets.add_url(value)

    def get(self, name: str, group: str = "DEFAULT") -> str | None:
        """The effective value of an option, or None where no file sets it.

        :raises Unobserved: the value refers to an option that is set nowhere.
        """
        if (group, name) not in self._set:
            return None
        section = self._conf if group == "DEFAULT" else self._conf[group]
        try:
            value = str(section[name])
        except (cfg.NoSuchOptError, cfg.NoSuchGroupError):
            # So oslo.config says that the option exists, but what its value refers to does not.
            raise Unobserved(
                f"[{group}] {name} of the {self.side} release refers to an option with $ that "
                "these files do not set; set it there, or write $$ for a dollar sign"
            ) from None
        except RecursionError:
            raise Unobserved(
                f"[{group}] {name} of the {self.side} release refers with $ to itself; correct it "
                f"in {', '.join(self.files)}"
            ) from None
        # What was read from the files may have named other options.
        self._remember(name, value)
        return value

    def is_true(self, name: str, group: str = "DEFAULT") -> bool:
        """Whether an option is set, and to a word that oslo.config takes for true.

        :raises Unobserved: the value refers to an option that is set nowhere.
        """
        return (self.get(name, group) or "").strip().lower() in TRUE

    def number(self, name: str, default: int) -> int:
        """A whole number of `[DEFAULT]`, or Heat's default where no file sets it.

        :raises Unobserved: it is no number.
        """
        value = self.get(name)
        try:
            return default if value is None else int(value)
        except ValueError:
            raise Unobserved(
                f"[DEFAULT] {name} of the {self.side} release is no number; correct it in "
                f"{', '.join(self.files)}"
            ) from None

    def get_all(self, name: str, group: str) -> tuple[str, ...]:
        """Every value of an option that may stand several times, as oslo.config collects them."""
        return tuple(self._all.get((group, name), ()))

    def database_url(self) -> str:
        """`[database] connection`, with its password.

        :raises Unobserved: it is not set, or its password goes on behind the account.
        """
        url = self.get("connection", "database")
        if not url:
            raise Unobserved(
                f"[database] connection is set in no file of the {self.side} release "
                f"({', '.join(self.files)}); add it there, or database.url to the plan"
            )
        with suppress(ArgumentError, ValueError):
            read = make_url(url)
            # Not in a file's name. Where it is in the host's, that is the rest of the password.
            if read.host and "@" in f"{read.host}{read.database}":
                raise Unobserved(
                    f"[database] connection of the {self.side} release has an @ behind its "
                    "account; write one that belongs to the password as %40"
                )
        return url

    def transport(self) -> Transport:
        """`[DEFAULT] transport_url`, taken apart as oslo.messaging does.

        :raises Unobserved: it is not set, or is not a URL of RabbitMQ.
        """
        url = self.get("transport_url")
        if not url:
            raise Unobserved(
                f"[DEFAULT] transport_url is set in no file of the {self.side} release "
                f"({', '.join(self.files)}); add it there"
            )
        return self._transport(url, "[DEFAULT] transport_url")

    def notification_transport(self) -> Transport:
        """`[oslo_messaging_notifications] transport_url`, or where RPC goes where it is not set.

        :raises Unobserved: neither is set, or it is not a URL of RabbitMQ.
        """
        group = "oslo_messaging_notifications"
        url = self.get("transport_url", group)
        return self._transport(url, f"[{group}] transport_url") if url else self.transport()

    def _transport(self, url: str, option: str) -> Transport:
        # Not urlsplit().netloc alone: a URL may name several hosts, each with its own account.
        scheme, _, rest = url.partition("://")
        address, _, query = rest.partition("?")
        authority, slash, path = address.partition("/")
        # A vhost may hold an @, but whoever names no account has broken off within a password.
        if "@" in rest and "@" not in authority.rpartition(",")[2]:
            raise Unobserved(
                f"{option} of the {self.side} release names no account before its first / or ?; "
                "write one that belongs to the password as %2F or %3F"
            )
        if scheme not in {"rabbit", "kombu+rabbit", "amqp"} or not authority:
            raise Unobserved(
                f"{option} of the {self.side} release is no rabbit:// URL; "
                "only RabbitMQ can be observed"
            )
        hosts = tuple(self._host(part, option) for part in authority.split(",") if part)
        options = {name: ",".join(values) for name, values in parse_qs(query).items()}
        # Twice: oslo.messaging decodes the path and puts the result into a URL that kombu decodes.
        return Transport(hosts, (unquote(unquote(path)) if slash else "") or "/", options)

    def _host(self, part: str, option: str) -> BrokerHost:
        account, at, address = part.rpartition("@")
        username, colon, password = account.partition(":")
        try:
            parsed = urlsplit(f"//{address}")
            host, port = parsed.hostname, parsed.port or _AMQP_PORT
        except ValueError:
            host, port = None, _AMQP_PORT
        if not host:
            raise Unobserved(
                f"{option} of the {self.side} release names no host or a bad port; correct it"
            )
        secret = unquote(password) if colon else None
        self._secrets.add(secret)
        return BrokerHost(host, port, unquote(username) if at else None, secret)


def _files_of(folder: Path) -> list[str]:
    """As oslo.config takes them, but not as if there were none where they may not be listed."""
    return [
        str(file)
        for file in sorted(folder.iterdir())
        if file.name.endswith(".conf") and not file.name.startswith(".")
    ]


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8 text"
    return " ".join(str(error).split())
