"""Options that must mean the same to both releases, and what breaks where they do not."""

from dataclasses import dataclass

from heat_upgrade_checks.records.findings import Level

ENCRYPTION_KEY = "auth_encryption_key"
# heat/common/config.py, startup_sanity_check: heat-engine starts with these, and with no other.
KEY_LENGTHS = frozenset({16, 24, 32})
# One domain may be named in two ways; Heat goes by the id where it has both.
DOMAIN_OPTIONS = ("stack_user_domain_id", "stack_user_domain_name")


@dataclass(frozen=True)
class Kept:
    """An option that both releases must agree on; `breaks` ends a sentence about a difference."""

    name: str
    level: Level
    breaks: str
    group: str = "DEFAULT"

    @property
    def spelled(self) -> str:
        """As an operator writes it."""
        return f"[{self.group}] {self.name}"


_DOMAIN = "stack users of live stacks are in the other domain and can signal no more"
_TRUSTEE = "trusts of live stacks are given to the other user"
_PATHS = "files differ, or only their place; stacks.resource-types compares what they define"

# What Heat does with each: heat/common/config.py and the modules named beside it.
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
    Kept("region_name_for_services", Level.WARNING, "resources are looked for in another region"),
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
