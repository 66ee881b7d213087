"""`python -m heat_upgrade_checks` is `heat-upgrade-check`."""

from heat_upgrade_checks.cli import run

run()
