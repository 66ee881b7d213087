"""What holds for every test."""


def pytest_make_parametrize_id(val: object) -> str | None:
    """Leave bytes out of ids: compressors put the time into theirs, and each worker has its own."""
    return "bytes" if isinstance(val, bytes) else None
