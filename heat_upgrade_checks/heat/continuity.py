"""Options that must mean the same to both releases, and what breaks where they do not."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from heat_upgrade_checks.records.findings import Level

ENCRYPTION_KEY = "auth_encryption_key"
# heat/common/config.py, startup_sanity_check: heat-engine starts with these, and with no other.
KEY_LENGTHS = frozenset({16, 24, 32})
# One domain may be named in two ways; Heat goes by the id where it has both.
DOMAIN_OPTIONS = ("stack_user_domain_id", "stack_user_domain_name")


@dataclass(frozen=True)
class Kept:
    """An option that both releases must agree on; `breaks` ends a sentence about a difference.

    `level` is None where the releases are expected to differ, or where another check judges it.
    `where_unset` is the level where one of them has no value, if that is not the same.
    """

    name: str
    level: Level | None
    breaks: str
    group: str = "DEFAULT"
    where_unset: Level | None = None

    @property
    def spelled(self) -> str:
        """As an operator writes it."""
        return f"[{self.group}] {self.name}"


_DOMAIN = "stack users of live stacks are in the other domain and can signal no more"
_TRUSTEE = "trusts of live stacks are given to the other user"
_PATHS = "files differ, or only their place; stacks.resource-types compares what they define"

# What is compared whichever release sets it. What Heat does with each: heat/common/config.py and
# the modules named beside it.
KEPT = (
    Kept(ENCRYPTION_KEY, Level.BLOCKER, "stored credentials cannot be decrypted"),
    # heat/engine/clients/os/keystone/heat_keystoneclient.py
    Kept("stack_user_domain_id", Level.BLOCKER, _DOMAIN),
    Kept("stack_user_domain_name", Level.BLOCKER, _DOMAIN),
    Kept("stack_domain_admin", Level.WARNING, "it may lack rights on users of live stacks"),
    Kept("stack_domain_admin_password", Level.WARNING, "one release cannot log in with it"),
    Kept("heat_stack_user_role", Level.BLOCKER, "stack users of live stacks lack the other role"),
    Kept("deferred_auth_method", Level.BLOCKER, "live stacks hold the other kind of credentials"),
    Kept("trusts_delegated_roles", Level.WARNING, "trusts of new stacks delegate other roles"),
    Kept("reauthentication_auth_method", Level.WARNING, "long operations lose their token"),
    # Where a cloud has one region, naming none leads to the same endpoints.
    Kept(
        "region_name_for_services",
        Level.BLOCKER,
        "resources of live stacks are looked for in another region",
        where_unset=Level.WARNING,
    ),
    # A stack keeps the engine that it was created with (heat/engine/service.py).
    Kept("convergence_engine", Level.BLOCKER, "new stacks are made by the other engine"),
    Kept("encrypt_parameters_and_properties", Level.WARNING, "new rows are stored the other way"),
    Kept("hidden_stack_tags", Level.WARNING, "other stacks are hidden from their users"),
    Kept("heat_metadata_server_url", Level.WARNING, "new servers are told the other address"),
    Kept("heat_waitcondition_server_url", Level.WARNING, "new signals go to the other address"),
    Kept("plugin_dirs", Level.NOTE, _PATHS),
    Kept("environment_dir", Level.NOTE, _PATHS),
    Kept("control_exchange", Level.WARNING, "messages and notifications go to the other exchange"),
    # heat/common/context.py: the user that trusts are given to
    Kept("username", Level.BLOCKER, _TRUSTEE, "trustee"),
    Kept("user_id", Level.BLOCKER, _TRUSTEE, "trustee"),
    Kept("user_domain_name", Level.BLOCKER, _TRUSTEE, "trustee"),
    Kept("user_domain_id", Level.BLOCKER, _TRUSTEE, "trustee"),
    Kept("password", Level.WARNING, "one release cannot log in with it", "trustee"),
    Kept("auth_url", Level.WARNING, "trusts are used at the other address", "trustee"),
    *(
        Kept(name, Level.WARNING, "tokens are validated by another account", "keystone_authtoken")
        for name in ("username", "user_id", "user_domain_name", "user_domain_id", "project_name")
    ),
    Kept("password", Level.WARNING, "one release cannot log in with it", "keystone_authtoken"),
    Kept("auth_url", Level.WARNING, "tokens are validated elsewhere", "keystone_authtoken"),
    Kept("auth_uri", Level.WARNING, "stacks are told the other address", "clients_keystone"),
    Kept("policy_file", Level.NOTE, "config.policy judges the target's", "oslo_policy"),
    Kept("policy_dirs", Level.NOTE, "config.policy judges the target's", "oslo_policy"),
)


@dataclass(frozen=True)
class _Rule:
    """Options by patterns of group and name, these with blanks between them.

    The first rule that covers an option holds.
    """

    group: str
    names: str
    level: Level | None
    breaks: str = ""  # nothing that is known

    def covers(self, group: str, name: str) -> bool:
        return fnmatchcase(group, self.group) and any(
            fnmatchcase(name, pattern) for pattern in self.names.split()
        )


_RABBIT = "oslo_messaging_rabbit"
_ALL = "*"

# What is compared where the current release sets it.
_RULES = (
    # The vhost is new in a rolling upgrade, and so are the places of one process or one host.
    _Rule("DEFAULT", "transport_url host my_ip bind_* log_file log_dir", None),
    _Rule("DEFAULT", "state_path pybasedir config_*", None),
    _Rule("DEFAULT", "log* *_log* max_logfile* rate_limit_* use_* syslog*", Level.NOTE),
    # Judged by what both databases hold.
    _Rule("database", "connection", None),
    _Rule("oslo_concurrency", "lock_path", None),
    _Rule("paste_deploy", _ALL, None),
    _Rule("heat_api*", _ALL, None),
    _Rule(
        "oslo_messaging_notifications",
        "transport_url",
        Level.NOTE,
        "vhost.notifications judges where they go",
    ),
    # Sites that move to quorum queues do so with an upgrade.
    _Rule(
        _RABBIT,
        "rabbit_qu* rabbit_transient* rabbit_stream* rabbit_ha_queues amqp_*",
        Level.NOTE,
        "the vhost checks judge which queues each release declares",
    ),
    _Rule(_RABBIT, "use_queue_manager hostname processname", Level.NOTE, "queues are renamed"),
    _Rule(
        "*",
        "*ssl* *tls* insecure *verify* *validate_cert* "
        "*ca_file *cafile *ca_certs *cert_file *certfile *key_file *keyfile",
        Level.WARNING,
        "connections are encrypted or verified in another way",
    ),
    _Rule(
        "*",
        "*proxy* *proxies* allowed_origin",
        Level.WARNING,
        "heat-api takes requests that came through a proxy in another way",
    ),
    _Rule(
        "*",
        "*pool* max_overflow *conn_*",
        Level.WARNING,
        "another number of connections or threads is kept",
    ),
    _Rule(
        "*",
        "*timeout* *_ttl *interval* *retr* *wait* *_recycle_time *_rate *grace* *expir*",
        Level.WARNING,
        "something is waited for longer or not so long",
    ),
    _Rule(
        "*",
        "max_* *_limit limit_* *quota* event_purge_batch_size",
        Level.WARNING,
        "users meet another limit",
    ),
    _Rule(
        "oslo_messaging_notifications", _ALL, Level.WARNING, "who is notified of stacks is another"
    ),
    _Rule("oslo_messaging_*", _ALL, Level.WARNING, "messages travel in another way"),
    _Rule("DEFAULT", "rpc_*", Level.WARNING, "messages travel in another way"),
    _Rule("oslo_policy", _ALL, Level.NOTE, "config.policy judges the target's"),
    _Rule(
        "DEFAULT",
        "default_software_* default_deployment_* default_user_* instance_*",
        Level.WARNING,
        "servers and deployments of live stacks are told things in another way",
    ),
    _Rule("DEFAULT", "*trusts*", Level.WARNING, "trusts of new stacks are given in another way"),
    *(
        _Rule(group, _ALL, Level.WARNING, "tokens or trusts are used in another way")
        for group in ("keystone_authtoken", "trustee", "ec2authtoken*")
    ),
    _Rule(
        "*",
        "*endpoint* *_url *_urls *_uri url region_name* *interface* *_server *_servers *_backend",
        Level.WARNING,
        "other services are reached in another way",
    ),
    _Rule("*", _ALL, Level.NOTE),
)
_KEPT = {(kept.group, kept.name): kept for kept in KEPT}


def kept(group: str, name: str) -> Kept:
    """What a difference of this option means."""
    if (group, name) in _KEPT:
        return _KEPT[group, name]
    rule = next(rule for rule in _RULES if rule.covers(group, name))
    return Kept(name, rule.level, rule.breaks, group)
