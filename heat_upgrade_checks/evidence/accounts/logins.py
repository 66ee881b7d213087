"""Whether Keystone takes each account of the configurations, as Heat uses it."""

from collections.abc import Callable
from dataclasses import dataclass

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.accounts.configured import DOMAIN_ADMIN, Configured, accounts_of
from heat_upgrade_checks.evidence.accounts.keystone import Login, Refused, log_in, place, validates
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.wording import counted

_SIDES: tuple[SideName, ...] = ("current", "target")
_AUTHTOKEN = "[keystone_authtoken]"


@dataclass(frozen=True)
class Account:
    """One account of one release's configuration, or of both where they name the same.

    `problem` says in words why Heat cannot work with it, "" where it logged in; `unseen` is the
    sentence why that could not be told. `roles` are those of its token, None without one.
    """

    of: str
    section: str
    user: str
    domain: str
    keystone: str
    roles: tuple[str, ...] | None
    problem: str = ""
    unseen: str = ""

    @property
    def is_domain_admin(self) -> bool:
        """Whether it makes the users of stacks."""
        return self.section == DOMAIN_ADMIN


@dataclass(frozen=True)
class Accounts(Facts):
    """Heat's own accounts at Keystone."""

    accounts: tuple[Account, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        seen = sum(each.roles is not None for each in self.accounts)
        return (
            f"{counted(len(self.accounts), 'account')} of heat.conf, "
            f"{seen} of them with a token from Keystone; stored trusts were not asked for"
        )


def observe(site: Site) -> Accounts:
    """Log in with each account once, and see what its token carries."""
    configured: dict[tuple[object, ...], tuple[Configured, list[str]]] = {}
    for side in _SIDES:
        if site.plan.side(side).is_configured:
            for account in accounts_of(site.conf(side)):
                configured.setdefault(account.identity, (account, []))[1].append(side)
    if not configured:
        raise NotConfigured("no configuration that the plan names has an account at Keystone")
    logins = [_Login(account, sides, site) for account, sides in configured.values()]
    for login in logins:
        login.try_it()
    for login in logins:
        login.validate_others(logins)
    return Accounts(tuple(login.facts for login in logins))


class _Login:
    """One account while it is tried."""

    def __init__(self, account: Configured, sides: list[str], site: Site) -> None:
        self.account, self._sides, self._site = account, sides, site
        self.login: Login | None = None
        self.problem, self.unseen = account.problem, account.unread
        if self.unseen:
            self.unseen += "; name its account with auth_type = password"

    def try_it(self) -> None:
        """Log in, unless Keystone refused just this before: it may lock who fails too often."""
        if self.problem or self.unseen:
            return
        before = self._site.refused_logins
        key = self.account.identity
        if key in before:
            self.problem = before[key]
            return
        self._tell(self._log_in)
        if self.problem:
            before[key] = self.problem

    def validate_others(self, logins: "list[_Login]") -> None:
        """What heat-api does with the token of each request."""
        by = self.login
        if self.account.section != _AUTHTOKEN or by is None:
            return
        others = (each.login for each in logins if each.login is not None)
        other = next((it for it in others if it.url == by.url and it.user_id != by.user_id), None)
        if other is not None:
            self._tell(lambda: self._validate(by, other))

    def _log_in(self) -> None:
        self.login = log_in(self.account)
        self._site.secrets.add(self.login.token)

    def _validate(self, by: Login, theirs: Login) -> None:
        if not validates(self.account, by, theirs):
            raise Refused("logs in, but Keystone does not let it validate the tokens of others")

    def _tell(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Refused as refusal:
            self.problem = str(refusal)
        except Unobserved as reason:
            self.unseen = str(reason)

    @property
    def facts(self) -> Account:
        """What was seen of it."""
        options = self.account.options
        where = f"{self.account.section} of {' and '.join(self._sides)}"
        return Account(
            of=" and ".join(self._sides),
            section=self.account.section,
            user=self.account.name,
            domain=options.get("domain_name") or options.get("domain_id") or "",
            keystone=place(options.get("auth_url", "")),
            roles=self.login.roles if self.login else None,
            problem=self.problem,
            unseen=f"{where}: {self.unseen}" if self.unseen else "",
        )
