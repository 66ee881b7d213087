"""The reference of the plan says each key and its default, and no other key."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from heat_upgrade_checks.plan import Plan, Side, duration

PAGE = Path(__file__).parents[3] / "docs" / "plan.md"


class Row(NamedTuple):
    """One key of the page's table."""

    key: str
    default: str


def _rows() -> Iterator[Row]:
    """The table; `.password_file` after `database.password_env` is a key of `database`.

    A key of `current` stands for that of `target` as well, as the page says.
    """
    for line in PAGE.read_text("utf-8").splitlines():
        if not line.startswith("| `"):
            continue
        keys, *_, default = (cell.strip() for cell in line.strip("|").split(" | "))
        section = ""
        for word in re.findall(r"`([^`]+)`", keys):
            key = section + word if word.startswith(".") else word
            section = key.rpartition(".")[0]
            yield Row(key, default)
            side, _, name = key.partition(".")
            if side == "current" and name in Side.model_fields:
                yield Row(f"target.{name}", default)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a key that has keys of its own."""
    for each in (field.annotation, *getattr(field.annotation, "__args__", ())):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
    return None


def _fields(model: type[BaseModel] = Plan, within: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """The plan's keys that hold a value, by their dotted names."""
    for name, field in model.model_fields.items():
        section = _section(field)
        if section is None:
            yield within + name, field
        else:
            yield from _fields(section, f"{within}{name}.")


ROWS = list(_rows())
FIELDS = dict(_fields())
SECTIONS = {key for key, field in Plan.model_fields.items() if _section(field)}


@pytest.mark.parametrize("key", FIELDS)
def test_each_key_of_the_plan_has_one_line(key: str) -> None:
    assert [row.key for row in ROWS].count(key) == 1


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_each_line_is_of_a_key_and_has_its_default(row: Row) -> None:
    assert row.key in FIELDS.keys() | SECTIONS
    field = FIELDS.get(row.key) or Plan.model_fields[row.key]
    assert row.default.startswith("required") is field.is_required()
    if written := re.fullmatch(r"`([^`$]+)`", row.default):
        assert _value(written[1], field.default) == field.default
    elif not field.is_required():
        assert field.default in (None, ()), f"the page does not say {field.default}"


def _value(written: str, default: Any) -> Any:
    """A default as it stands on the page, of the kind that the plan holds."""
    if isinstance(default, timedelta):
        return duration(written)
    value = yaml.safe_load(written)
    return Path(value) if isinstance(default, Path) else value
