"""The plan: one upgrade as its operator describes it, validated."""

import difflib
import hashlib
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.files import yaml_documents
from heat_upgrade_checks.files.access import why_not
from heat_upgrade_checks.heat import releases
from heat_upgrade_checks.phases import Mode
from heat_upgrade_checks.secrets import Secrets, passwords_in

DEFAULT_PLAN = "heat-upgrade.yaml"
PLAN_VARIABLE = "HEAT_UPGRADE_PLAN"

_DURATION = re.compile(r"(\d+)\s*(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = 3650


def duration(value: Any) -> timedelta:
    """A span of time as it stands in the plan and on the command line.

    :raises ValueError: it is not written as one.
    """
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if isinstance(value, timedelta):
        return value
    if not match:
        raise ValueError("write a duration as a number and s, m, h or d, such as 24h")
    try:
        span = timedelta(**{_UNITS[match[2]]: int(match[1])})
    except (OverflowError, ValueError):
        span = timedelta.max
    if span > timedelta(days=_LONGEST):
        raise ValueError(f"a duration is at most {_LONGEST}d")
    return span


def _spell(value: timedelta) -> str:
    return f"{int(value.total_seconds())}s"


def _absolute(value: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder", Path())
    try:
        value = value.expanduser()
    except RuntimeError:
        raise ValueError(f"{value.parts[0]}: there is no such user; write out the path") from None
    # Symbolic links stay: a virtualenv's bin/python is one, and resolving it leaves the virtualenv.
    return Path(os.path.abspath(folder / value))  # noqa: PTH100


def _without_password(value: str) -> str:
    if passwords_in(value):
        raise ValueError("a password does not belong into the plan; use password_env/password_file")
    return value


Duration = Annotated[timedelta, BeforeValidator(duration), PlainSerializer(_spell)]
PlanPath = Annotated[Path, AfterValidator(_absolute)]
Url = Annotated[str, AfterValidator(_without_password)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _WithPassword(_Section):
    password_env: str | None = None
    password_file: PlanPath | None = None

    def password(self, secrets: Secrets) -> str | None:
        """The password the plan points at, or None where it points at none.

        :raises UsageError: the variable is not set or the file cannot be read.
        """
        value = None
        if self.password_env:
            value = os.environ.get(self.password_env)
            if value is None:
                raise UsageError(
                    f"the plan's password_env names {self.password_env}, which is not set"
                )
        elif self.password_file:
            try:
                value = self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "not UTF-8 text"
                raise UsageError(f"password_file {self.password_file}: {reason}") from None
        secrets.add(value)
        return value


class Side(_Section):
    """One of the two releases: where its interpreter and its configuration are.

    `environment_files` are those that its units hand to the services; an option that they set
    (`OS_DEFAULT__TRANSPORT_URL`) goes before the configuration. `engines` are the `[DEFAULT] host`
    names of its engines; they say which release an engine is expected to run. `prefix` is the
    command that runs the interpreter elsewhere, such as in a container.
    """

    python: PlanPath | None = None
    prefix: tuple[str, ...] = ()
    version: str | None = None
    config: tuple[PlanPath, ...] = ()
    config_dirs: tuple[PlanPath, ...] = ()
    environment_files: tuple[PlanPath, ...] = ()
    engines: tuple[str, ...] = ()

    @property
    def is_configured(self) -> bool:
        """Whether the plan names a configuration; a target may have none before it is installed."""
        return bool(self.config or self.config_dirs)

    def heat_manage(self, *words: str) -> list[str]:
        """This release's heat-manage, as it is called where its interpreter runs.

        The name alone where the plan does not say where that is.
        """
        if self.python is None:
            return ["heat-manage", *words]
        program = str(self.python.parent / "heat-manage")
        files = [word for path in self.config for word in ("--config-file", str(path))]
        folders = [word for path in self.config_dirs for word in ("--config-dir", str(path))]
        return [*self.prefix, program, *files, *folders, *words]

    @model_validator(mode="after")
    def _names_a_release(self) -> "Side":
        if self.python is None and self.version is None:
            raise ValueError("give python: (the release's interpreter) or version:")
        if self.version is not None:
            try:
                releases.parse(self.version)
            except UsageError as error:
                raise ValueError(str(error)) from None
        return self


class Target(Side):
    """The release to come; `service_files` are what will start it: units, uwsgi, Apache, kolla."""

    service_files: tuple[PlanPath, ...] = ()


class DatabasePlan(_WithPassword):
    """Heat's database; derived from current's `[database] connection` where `url` is missing."""

    url: Url | None = None
    statement_timeout: Duration = timedelta(seconds=30)


class BrokerPlan(_WithPassword):
    """RabbitMQ's management API.

    Derived from current's `transport_url`: port 15672 of each host, or 15671 by TLS where Heat uses
    that, and Heat's own credentials. `peek` allows to look into messages that nobody reads, which
    marks them as delivered before.
    """

    management: tuple[Url, ...] = ()
    username: str | None = None
    ca_file: PlanPath | None = None
    isolation: Literal["vhost", "shared"] = "vhost"
    samples: int = Field(default=3, ge=2, le=100)
    peek: bool = False


class ApiPlan(_Section):
    """Heat's API, through a cloud of clouds.yaml; `backends` are asked past the load balancer."""

    cloud: str | None = None
    backends: tuple[Url, ...] = ()


class BackupPlan(_Section):
    """Where the database's backups lie: a path or a pattern, and how old the newest may be.

    `tolerance` is the part by which a table's rows in the backup may differ from the live ones.
    """

    path: PlanPath
    max_age: Duration = timedelta(hours=24)
    tolerance: float = Field(default=0.1, ge=0, le=1)


class RehearsalPlan(_WithPassword):
    """The empty scratch database of a rehearsal; a private server of this machine without `url`."""

    url: Url | None = None


class NotesPlan(_Section):
    """The release notes of both releases and the file that acknowledges them.

    Either `current` and `target` (an sdist or a folder each) or `git`, a checkout with tags.
    """

    current: PlanPath | None = None
    target: PlanPath | None = None
    git: PlanPath | None = None
    acknowledgements: PlanPath = Field(
        default=Path("heat-upgrade-notes.yaml"), validate_default=True
    )

    @model_validator(mode="after")
    def _has_a_source(self) -> "NotesPlan":
        pair = self.current is not None and self.target is not None
        if pair == (self.git is not None):
            raise ValueError("give either current: and target:, or git:")
        return self


class JournalPlan(_Section):
    """How old the gate before may be when the next one is judged."""

    max_age: Duration = timedelta(hours=24)


class TimeoutsPlan(_Section):
    """How long an answer is waited for."""

    interpreter: Duration = timedelta(minutes=5)


class Plan(_Section):
    """One upgrade. See docs/plan.md for each key.

    `window` is the time that the migration of the schema may take. `waivers` is the file of those
    who answer for going on in spite of a finding.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    mode: Mode
    current: Side
    target: Target
    allow_skip_level: bool = False
    database: DatabasePlan = DatabasePlan()
    broker: BrokerPlan = BrokerPlan()
    api: ApiPlan = ApiPlan()
    backup: BackupPlan | None = None
    rehearsal: RehearsalPlan = RehearsalPlan()
    window: Duration | None = None
    notes: NotesPlan | None = None
    journal: JournalPlan = JournalPlan()
    timeouts: TimeoutsPlan = TimeoutsPlan()
    waivers: PlanPath | None = None
    require: tuple[str, ...] = ()

    def side(self, name: Literal["current", "target"]) -> Side:
        """The plan's section of one release."""
        return self.current if name == "current" else self.target


def chosen(given: Path | None) -> Path:
    """The plan's file: the one that is given, else the environment's, else the one that is here."""
    return given or Path(os.environ.get(PLAN_VARIABLE) or DEFAULT_PLAN)


def load(path: Path) -> tuple[Plan, str]:
    """Read and validate a plan; return it with the SHA-256 of its file.

    :raises UsageError: it cannot be read or is no valid plan; the sentence names file and key.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        advice = (
            "; write one with: heat-upgrade-check init"
            if isinstance(error, FileNotFoundError)
            else ""
        )
        raise UsageError(f"plan {path}: {why_not(path, error)}{advice}") from None
    document = yaml_documents.parse(content, f"plan {path}")
    if not isinstance(document, dict):
        raise UsageError(f"plan {path}: must be a mapping of keys such as name, mode, current")
    try:
        plan = Plan.model_validate(document, context={"folder": path.absolute().parent})
    except ValidationError as error:
        raise UsageError(f"plan {path}: {_first_problem(error)}") from None
    return plan, hashlib.sha256(content).hexdigest()


def _first_problem(error: ValidationError) -> str:
    details = error.errors(include_input=False, include_url=False)
    # An unknown key is usually the cause of a missing one, so it is the better thing to say.
    detail = min(details, key=lambda d: d["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        key = str(detail["loc"][-1])
        close = difflib.get_close_matches(key, _keys_at(detail["loc"][:-1]), n=1)
        return f"{where}: unknown key" + (f"; did you mean {close[0]}?" if close else "")
    if detail["type"] == "missing":
        return f"{where}: is missing"
    return f"{where}: {detail['msg'].removeprefix('Value error, ')}"


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Plan
    for part in location:
        annotation = model.model_fields[str(part)].annotation
        for candidate in (annotation, *getattr(annotation, "__args__", ())):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
    return list(model.model_fields)
