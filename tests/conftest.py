"""What holds for every test."""

from collections.abc import Generator

import pytest

from tests import showing


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that does not show of a check what `shown.json` says it does."""
    with showing.watched(item.nodeid):
        yield


def pytest_make_parametrize_id(val: object) -> str | None:
    """Leave bytes out of ids: compressors put the time into theirs, and each worker has its own."""
    return "bytes" if isinstance(val, bytes) else None
