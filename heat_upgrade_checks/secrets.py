"""The secrets that were read in this run, so that none of them leaves it."""

import html
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

# Replacing a shorter value would garble ordinary words ("heat", "guest") all over a report and so
# give the secret away by its absence; such values are kept out by never being put into a text.
_SHORTEST_REPLACED = 8
MASK = "***"

# A URL's parameters go to the driver, and PyMySQL, libpq and others take passwords among them.
_PARAMETER = re.compile(r"[?&;#](?P<name>[^?&;#=]*)=(?=(?P<value>[^&]*))")
_SECRET_PARAMETER = re.compile(r"pass(word|wd|phrase)|pwd|secret|token|api_?key", re.IGNORECASE)
# An option with such a name holds a secret, whatever the release says of it.
SECRET_NAME = re.compile(r"password|passwd|secret|token$|_key$|^admin_token")


class Secrets:
    """Values that must reach no report, log, exception or process title."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def add(self, value: str | None) -> None:
        """Remember a secret as soon as it is read."""
        if value and len(value) >= _SHORTEST_REPLACED:
            forms = {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1]}
            self._values |= forms | {html.escape(form) for form in forms}

    def add_url(self, url: str) -> None:
        """Remember whatever may be a password in a URL."""
        for value in passwords_in(url):
            self.add(value)

    def redact(self, text: str) -> str:
        """The text with every known secret replaced, longest first."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, MASK)
        return text

    def redact_within(self, value: Any) -> Any:
        """A document with every known secret replaced in its texts; keys are this tool's own."""
        match value:
            case str():
                return self.redact(value)
            case dict():
                return {key: self.redact_within(each) for key, each in value.items()}
            case list() | tuple():
                return [self.redact_within(each) for each in value]
            case _:
                return value


def passwords_in(url: str) -> set[str]:
    """Every text in a URL that some reader takes for a password, as it stands and decoded.

    Readers disagree on a password that holds an unescaped `@`, `/`, `?` or `#`: urlsplit() ends the
    account at the last `@` before a slash, SQLAlchemy at the first one after a colon. So each `@`
    is taken for the end of the account. Hosts that a comma separates have an account each.
    """
    rest = url.partition("://")[2] or url
    found = {
        parameter["value"]
        for parameter in _PARAMETER.finditer(url)
        if _SECRET_PARAMETER.search(unquote(parameter["name"]))
    }
    # A path begins at once where there is no host, as in sqlite:////var/lib/heat@1.
    if not rest.startswith("/"):
        for part in {rest, *rest.split(",")}:
            accounts = (part[: at.start()] for at in re.finditer("@", part))
            found |= {account.partition(":")[2] for account in accounts}
    return {form for each in found for form in (each, unquote(each), unquote_plus(each))} - {""}


def shown(url: "URL") -> str:
    """A database's address as it may be shown: without its password and its parameters."""
    return url.set(query={}).render_as_string(hide_password=True)
