"""Which database servers take a migration alike."""

# How many numbers of a version name a series, within which a server keeps what it does.
_NUMBERS = {"MariaDB": 2, "MySQL": 2, "PostgreSQL": 1, "SQLite": 1}


def kind(server: str) -> str:
    """Flavour and series of a server such as "MariaDB 10.11.6", here "MariaDB 10.11"."""
    flavour, _, version = server.partition(" ")
    series = ".".join(version.split(".")[: _NUMBERS.get(flavour)])
    return f"{flavour} {series}".strip()
