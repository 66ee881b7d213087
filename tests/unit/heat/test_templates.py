"""What stored templates declare; tests/lab/test_resource_types.py holds `resolve` against Heat."""

from typing import Any

import pytest

from heat_upgrade_checks.heat import templates
from heat_upgrade_checks.heat.templates import Definition, definitions, literal, parameters, resolve


@pytest.mark.parametrize("text", [None, "", "null", "[]", '"x"', "7"])
def test_what_is_no_document_is_empty(text: str | None) -> None:
    assert templates.parse(text) == {}


def test_what_is_no_json_is_an_error() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        templates.parse("{'single': 1}")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            {"resources": {"a": {"type": "T", "properties": {"p": 1}}}},
            {"a": Definition("T", {"p": 1})},
        ),
        (
            {"Resources": {"a": {"Type": "T", "Properties": {"p": 1}}}},
            {"a": Definition("T", {"p": 1})},
        ),
        ({"resources": {"a": {"type": "T", "properties": None}}}, {"a": Definition("T")}),
        (
            {"resources": {"a": {"type": "T", "condition": False}}},
            {"a": Definition("T", {}, is_conditional=True)},
        ),
        (
            {"Resources": {"a": {"Type": "T", "Condition": "c"}}},
            {"a": Definition("T", {}, is_conditional=True)},
        ),
        ({"resources": {"a": {"type": "T", "condition": None}}}, {"a": Definition("T")}),
        ({"resources": {"a": {"Type": "T"}, "b": None, "c": {"type": ["T"]}, "d": 1}}, {}),
        ({"resources": None}, {}),
        ({"resources": ["a"]}, {}),
        ({}, {}),
    ],
)
def test_definitions(template: dict[str, Any], expected: dict[str, Definition]) -> None:
    assert definitions(template) == expected


def test_a_parameter_has_the_nearest_value() -> None:
    template = {
        "parameters": {"a": {"default": 1}, "b": {"default": 1}, "c": {"default": 1}, "d": {}},
        "Parameters": {"e": {"Default": 1}, "f": None},
    }
    environment = {"parameter_defaults": {"b": 2, "c": 2}, "parameters": {"c": 3}}
    assert parameters(template, environment) == {"a": 1, "b": 2, "c": 3, "e": 1}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7),
        ({"get_param": "a"}, 1),
        ({"Ref": "a"}, 1),
        ({"get_param": "unset"}, {"get_param": "unset"}),
        ({"get_param": ["a", "key"]}, {"get_param": ["a", "key"]}),
        ({"str_replace": {}}, {"str_replace": {}}),
    ],
)
def test_literal(value: object, expected: object) -> None:
    assert literal(value, {"a": 1}) == expected


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        (None, "My::Server"),
        ({}, "My::Server"),
        ({"My::Server": "OS::Nova::Server"}, "OS::Nova::Server"),
        ({"My::Server": "Other::Server", "Other::Server": "OS::Nova::Server"}, "OS::Nova::Server"),
        ({"My::*": "OS::Nova::*"}, "OS::Nova::Server"),
        ({"My::*": "OS::Heat::None"}, "OS::Heat::None"),
        ({"My::Server": "file:///etc/my.yaml"}, "file:///etc/my.yaml"),
        # Heat takes no provider template for a wildcard.
        ({"My::*": "file:///etc/my.yaml"}, "My::Server"),
        ({"resources": {"web": {"My::Server": "OS::Heat::None"}}}, "OS::Heat::None"),
        ({"resources": {"db": {"My::Server": "OS::Heat::None"}}}, "My::Server"),
        ({"resources": {"web": {"hooks": "pre-create"}}}, "My::Server"),
        (
            {"My::Server": "OS::Nova::Server", "resources": {"web": {"My::Server": "A::B"}}},
            "A::B",
        ),
        ({"My::Server": "My::Server"}, "My::Server"),
        ({"My::Server": "A::B", "A::B": "My::Server"}, "A::B"),
        ({"My::Server": None, "My::*": 7}, "My::Server"),
    ],
)
def test_resolve(registry: object, expected: str) -> None:
    assert resolve("My::Server", "web", {"resource_registry": registry}) == expected


def test_a_mapping_to_an_unknown_type_does_not_count() -> None:
    environment = {"resource_registry": {"OS::*": "Site::*"}}
    known = {"OS::Nova::Server", "OS::Cinder::Volume", "Site::Cinder::Volume"}
    assert resolve("OS::Nova::Server", "a", environment, known.__contains__) == "OS::Nova::Server"
    assert resolve("OS::Cinder::Volume", "a", environment, known.__contains__) == (
        "Site::Cinder::Volume"
    )
    assert resolve("Lost::Type", "a", environment, known.__contains__) == "Lost::Type"
