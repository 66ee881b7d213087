"""The JSON Schema that ships with the package."""

import json
from importlib import resources

import jsonschema
import pytest

from heat_upgrade_checks.records.gate import Gate, dump, json_schema

SHIPPED = resources.files("heat_upgrade_checks.report") / "gate.schema.json"


def _demands(schema: object) -> object:
    """What a schema demands of a document; pydantic's releases differ in how they word it."""
    if isinstance(schema, dict):
        return {
            key: _demands(value)
            for key, value in schema.items()
            if not (key in ("title", "description") and isinstance(value, str))
            if (key, value) != ("additionalProperties", True)
        }
    return [_demands(each) for each in schema] if isinstance(schema, list) else schema


def test_the_shipped_schema_is_the_contract() -> None:
    assert _demands(json.loads(SHIPPED.read_text())) == _demands(json_schema()), (
        "write json.dumps(gate.json_schema(), indent=2) and a newline to report/gate.schema.json"
    )


@pytest.mark.parametrize("name", ["no_go", "go", "incomplete", "huge"])
def test_a_dumped_gate_validates(request: pytest.FixtureRequest, name: str) -> None:
    gate: Gate = request.getfixturevalue(name)
    jsonschema.Draft202012Validator(json.loads(SHIPPED.read_text())).validate(
        json.loads(dump(gate))
    )


@pytest.mark.parametrize("key", ["verdict", "checks", "previous", "digests"])
def test_a_gate_without_a_key_does_not_validate(no_go: Gate, key: str) -> None:
    document = json.loads(dump(no_go))
    del document[key]
    validator = jsonschema.Draft202012Validator(json.loads(SHIPPED.read_text()))
    assert not validator.is_valid(document)
