"""Secrets of the lab that tests can look for in everything the tool leaves behind."""

import secrets


class Credentials:
    """Every password and key of one lab; so unique that a hit in an artefact is a leak."""

    def __init__(self) -> None:
        self.database = _canary("database")
        self.identity_database = _canary("identity-database")
        self.broker = _canary("broker")
        self.bootstrap = _canary("bootstrap")
        self.service = _canary("service")
        self.stack_domain = _canary("stack-domain")
        self.operator = _canary("operator")
        # Heat takes an AES key of exactly 32 characters.
        self.encryption_key = f"canary{secrets.token_hex(13)}"

    @property
    def all(self) -> list[str]:
        """All of them."""
        return list(vars(self).values())


def _canary(purpose: str) -> str:
    return f"canary-{purpose}-{secrets.token_hex(16)}"
