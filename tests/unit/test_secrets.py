"""Whatever may be a secret is known as one, and is replaced in texts and nowhere else."""

import json

import pytest
from sqlalchemy.engine import make_url

from heat_upgrade_checks.secrets import Secrets, passwords_in, shown

DATABASE = "mysql+pymysql://heat{}@db/heat"


@pytest.mark.parametrize(
    ("url", "passwords"),
    [
        (DATABASE.format(":Sup3rSecret"), {"Sup3rSecret"}),
        (DATABASE.format(":Sup3r@Secret"), {"Sup3r", "Sup3r@Secret"}),
        (DATABASE.format(":Sup3r/Secret"), {"Sup3r/Secret"}),
        (DATABASE.format(":Sup3r#Secret"), {"Sup3r#Secret"}),
        (DATABASE.format(":Sup3r?Secret"), {"Sup3r?Secret"}),
        (DATABASE.format(":Sup3r[Secret"), {"Sup3r[Secret"}),
        (DATABASE.format(":Sup3r%2FSecret"), {"Sup3r%2FSecret", "Sup3r/Secret"}),
        (DATABASE.format("") + "?charset=utf8&password=a%2Bb", {"a%2Bb", "a+b"}),
        (DATABASE.format("") + "?PassWD=a%2Bb&ssl_key=/a/key.pem", {"a%2Bb", "a+b"}),
        (DATABASE.format("") + "?p%61ssword=one?password=two", {"one?password=two", "two"}),
        ("https://h:15671/?access_token=one#token=two", {"one#token=two", "two"}),
        ("rabbit://a:one@h1,b:two@h2:5673/v", {"one", "two", "one@h1,b:two"}),
        ("heat:one@db/heat", {"one"}),
        # None of these names one.
        (DATABASE.format("") + "?ssl_ca=/etc/ssl/ca.pem", set()),
        ("http://[::1]:8004/v1/demo", set()),
        ("sqlite:////var/lib/a:b/heat@1.sqlite", set()),
        ("", set()),
    ],
)
def test_every_reading_of_a_url_is_a_password(url: str, passwords: set[str]) -> None:
    assert passwords_in(url) == passwords


def test_an_address_is_shown_without_password_and_parameters() -> None:
    url = make_url("mysql+pymysql://heat:one@db:3307/heat?password=two&charset=utf8")
    assert shown(url) == "mysql+pymysql://heat:***@db:3307/heat"
    assert shown(make_url("sqlite:////a/heat.sqlite")) == "sqlite:////a/heat.sqlite"


@pytest.mark.parametrize("secret", ['quo"te and \\', "Pässwörter", "<a&b>'c'd", "plain-enough"])
def test_a_secret_is_replaced_in_every_form(secret: str) -> None:
    secrets = Secrets()
    secrets.add(secret)
    text = f"{secret} and {json.dumps(secret)}"
    assert secrets.redact(text) == '*** and "***"'
    assert secrets.redact_within({"a": [secret, {"b": (f"x {secret}", 7, None)}]}) == {
        "a": ["***", {"b": ["x ***", 7, None]}]
    }


def test_keys_and_short_values_stay() -> None:
    secrets = Secrets()
    secrets.add("password")
    secrets.add("heat")
    assert secrets.redact_within({"password": "the password of heat"}) == {
        "password": "the *** of heat"
    }
