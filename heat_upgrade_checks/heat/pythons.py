"""The Pythons that releases of Heat run on."""

# Requires-Python of openstack-heat from a major version on.
_OLDEST = {19: "3.8", 23: "3.9", 25: "3.10", 27: "3.11"}


def oldest_python(major: int) -> str:
    """The oldest Python of a major version of Heat; of one that comes next, the last one known."""
    return _OLDEST[max(known for known in _OLDEST if known <= max(major, min(_OLDEST)))]
