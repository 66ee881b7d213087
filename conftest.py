"""Lets `pytest checks --phase pre --plan FILE` judge in a checkout."""

pytest_plugins = ["heat_upgrade_checks.gates.checkout"]
