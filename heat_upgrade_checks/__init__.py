"""Gates between the steps of an OpenStack Heat upgrade."""

from heat_upgrade_checks.registry import check

__all__ = ["check"]
__version__ = "0.1.0"
