"""What RabbitMQ lets Heat's accounts do on the target's vhost."""

from collections import defaultdict
from dataclasses import dataclass

import requests

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker.amqp_login import DEFAULT_ACCOUNT, log_in
from heat_upgrade_checks.evidence.broker.management import body, path_of
from heat_upgrade_checks.evidence.broker.parts import part
from heat_upgrade_checks.evidence.configuration import messaging_options
from heat_upgrade_checks.evidence.configuration.addresses import observe_current, observe_target
from heat_upgrade_checks.evidence.configuration.heat_conf import BrokerHost
from heat_upgrade_checks.evidence.configuration.messaging_options import LoginOptions
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat.permissions import Permissions

_OF_ADMINISTRATORS = {requests.codes.unauthorized, requests.codes.forbidden}


@dataclass(frozen=True)
class Access:
    """What Heat's account may do on the vhost.

    Its own login was tried at `broker`: `refusal` is what RabbitMQ said to it, "" where it was let
    in, `login_unknown` why it could not be tried. `permissions` is None where the account has none
    there, or was not seen: then `permissions_unknown` says why. `in_use` tells that the current
    release works with this account on this vhost.
    """

    account: str
    broker: str = ""
    refusal: str = ""
    login_unknown: str = ""
    permissions: Permissions | None = None
    permissions_unknown: str = ""
    in_use: bool = False


def observe_access(site: Site, http: ReadOnlyHttp) -> tuple[Access, ...]:
    """One for each account that stands in the target's transport_url."""
    transport = site.conf("target").transport()
    accounts: dict[tuple[str, str | None], list[BrokerHost]] = defaultdict(list)
    for host in transport.hosts:
        accounts[host.username or DEFAULT_ACCOUNT, host.password].append(host)
    in_use: set[str] = set()
    if observe_current(site).names_the_vhost_of(observe_target(site)):
        known = site.conf("current").transport().hosts
        in_use = {host.username or DEFAULT_ACCOUNT for host in known}
    options = messaging_options.read_login(site.conf("target"))
    return tuple(
        _access_of(http, transport.vhost, account, hosts, options, account in in_use)
        for (account, _), hosts in accounts.items()
    )


def _access_of(
    http: ReadOnlyHttp,
    vhost: str,
    account: str,
    hosts: list[BrokerHost],
    options: LoginOptions,
    in_use: bool,
) -> Access:
    broker, refusal, login_unknown = _login(hosts, vhost, options)
    permissions, permissions_unknown = part(lambda: _permissions(http, vhost, account))
    return Access(account, broker, refusal, login_unknown, permissions, permissions_unknown, in_use)


def _login(hosts: list[BrokerHost], vhost: str, options: LoginOptions) -> tuple[str, str, str]:
    """The broker that was asked and what it said, or the sentence why none could be."""
    problems = []
    for host in hosts:
        try:
            login = log_in(host, vhost, options)
        except Unobserved as problem:
            problems.append(str(problem))
        else:
            return login.broker, login.refusal, ""
    return "", "", problems[0]


def _permissions(http: ReadOnlyHttp, vhost: str, account: str) -> Permissions | None:
    """The account's patterns, or None where it has no permission on the vhost.

    AMQP has no question that tells them and changes nothing.

    :raises Unobserved: RabbitMQ shows them to administrators alone.
    """
    path = path_of("permissions", vhost, account)
    response = http.get(path)
    if response.status_code == requests.codes.not_found:
        return None
    if response.status_code in _OF_ADMINISTRATORS:
        watcher = http.auth[0] if http.auth else ""
        raise Unobserved(
            f"the permissions of account {account} on vhost {vhost} were not seen: RabbitMQ at "
            f"{http.base} shows them to administrators alone; name one as broker.username in the "
            f"plan, or run: rabbitmqctl set_user_tags {watcher} administrator"
        )
    return body(http, response, Permissions, path)
