"""`[oslo_messaging_rabbit]` as oslo.messaging reads it: what stands in the URL comes first."""

from dataclasses import dataclass, fields

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.configuration.heat_conf import FALSE, TRUE, HeatConf
from heat_upgrade_checks.heat.declarations import MessagingOptions

_GROUP = "oslo_messaging_rabbit"
# oslo.messaging's own spelling until 16, which 17 no longer reads.
_FORMER_NAMES = {
    "rabbit_quorum_max_memory_length": "rabbit_quroum_max_memory_length",
    "rabbit_quorum_max_memory_bytes": "rabbit_quroum_max_memory_bytes",
}


@dataclass(frozen=True)
class LoginOptions:
    """How Heat logs in to RabbitMQ; `tls` says whether it does so encrypted.

    A TLS `version` makes a context that verifies nothing without `ca_file`.
    """

    method: str | None
    tls: bool
    ca_file: str | None
    certificate_file: str | None
    key_file: str | None
    version: str | None

    @property
    def means_tls(self) -> bool:
        """Whether any option speaks of TLS; those beside `ssl` do nothing without it."""
        return self.tls or any((self.ca_file, self.certificate_file, self.key_file, self.version))


def read(conf: HeatConf) -> MessagingOptions:
    """The options that shape what Heat declares.

    :raises Unobserved: one has a value that is no boolean or no number.
    """
    given: dict[str, bool | int | str] = {}
    for option in fields(MessagingOptions):
        if option.name == "control_exchange":
            value = conf.get(option.name)
        else:
            value = _value(conf, option.name)
        if value is None:
            continue
        if isinstance(option.default, bool):
            given[option.name] = _boolean(conf, option.name, value)
        elif isinstance(option.default, int):
            given[option.name] = _number(conf, option.name, value)
        else:
            given[option.name] = value
    return MessagingOptions(**given)  # type: ignore[arg-type] # each as its default's type


def control_exchange(conf: HeatConf) -> str:
    """The exchange to which Heat publishes its calls."""
    return conf.get("control_exchange") or MessagingOptions.control_exchange


def read_login(conf: HeatConf) -> LoginOptions:
    """How Heat logs in.

    :raises Unobserved: `ssl` is no boolean.
    """
    tls = _value(conf, "ssl")
    return LoginOptions(
        method=_value(conf, "rabbit_login_method"),
        tls=tls is not None and _boolean(conf, "ssl", tls),
        ca_file=_value(conf, "ssl_ca_file") or None,
        certificate_file=_value(conf, "ssl_cert_file") or None,
        key_file=_value(conf, "ssl_key_file") or None,
        version=_value(conf, "ssl_version") or None,
    )


def _value(conf: HeatConf, name: str) -> str | None:
    value = conf.transport().options.get(name) or conf.get(name, _GROUP)
    if value is None and name in _FORMER_NAMES:
        value = conf.get(_FORMER_NAMES[name], _GROUP)
    return value


def _boolean(conf: HeatConf, name: str, value: str) -> bool:
    word = value.strip().lower()
    if word not in TRUE | FALSE:
        raise _malformed(conf, name, "true or false")
    return word in TRUE


def _number(conf: HeatConf, name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise _malformed(conf, name, "a whole number") from None


def _malformed(conf: HeatConf, name: str, expected: str) -> Unobserved:
    return Unobserved(
        f"[{_GROUP}] {name} of the {conf.side} release is not {expected}; correct it in one of "
        f"{', '.join(conf.files)}"
    )
