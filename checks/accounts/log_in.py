from heat_upgrade_checks.evidence.accounts.logins import Account, Accounts
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

# Heat's install guide gives it, and Keystone's own policy asks for it to make users in a domain.
_ADMIN = "admin"


@check("accounts.log-in", phases=["pre", "installed"], guide="prerequisites, cold 2-4, rolling 1")
def check_accounts_log_in(accounts: Accounts, gate: Judgement) -> None:
    """Keystone takes each account of the configuration as Heat uses it."""
    gate.looked_at(accounts.extent)
    for account in accounts.accounts:
        if account.unseen:
            gate.cannot_tell(account.unseen)
        elif account.problem:
            gate.block(
                _object(account),
                f"{_user(account)} {account.problem}",
                hint="Correct it in heat.conf, or at Keystone, then run this phase again.",
            )
        elif account.is_domain_admin and _ADMIN not in (account.roles or ()):
            _lacks_its_role(account, gate)


def _lacks_its_role(account: Account, gate: Judgement) -> None:
    add = ["openstack", "role", "add", "--domain", account.domain]
    gate.block(
        _object(account),
        f"{_user(account)} has no role {_ADMIN} in domain {account.domain}, so Heat can make no "
        f"user for a stack; its roles there: {', '.join(account.roles or ())}",
        hint="Give it the role, or waive this where Keystone's policy asks for another one.",
        commands=[[*add, "--user", account.user, "--user-domain", account.domain, _ADMIN]],
    )


def _object(account: Account) -> str:
    return f"{account.section} of the {account.of} release"


def _user(account: Account) -> str:
    return f"user {account.user}" if account.user else "it"
