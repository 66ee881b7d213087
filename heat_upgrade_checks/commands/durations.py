"""Spans of time that options take."""

from datetime import timedelta

from heat_upgrade_checks import plan
from heat_upgrade_checks.errors import UsageError


def duration(option: str, text: str) -> timedelta:
    """What an option says.

    :raises UsageError: it is not written as a span of time.
    """
    try:
        return plan.duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
