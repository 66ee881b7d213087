"""The Pythons that releases of Heat run on."""

import pytest

from heat_upgrade_checks.heat.pythons import oldest_python


@pytest.mark.parametrize(
    ("major", "python"),
    [(11, "3.8"), (19, "3.8"), (22, "3.8"), (23, "3.9"), (26, "3.10"), (27, "3.11"), (40, "3.11")],
)
def test_the_oldest_python_of_a_release(major: int, python: str) -> None:
    assert oldest_python(major) == python
