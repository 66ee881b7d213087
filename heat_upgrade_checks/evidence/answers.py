"""What another program answers, read into typed facts or refused: the one way in.

Keys that are not asked for are left alone, as servers add some with every release. One that is
asked for and missing, or of another type, makes the whole answer unobserved: half of an answer says
less than none, and a wrong one says nothing.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from heat_upgrade_checks.errors import Unobserved

Shape = TypeVar("Shape")

Count = Annotated[int, Field(ge=0)]
"""A number of things; a boolean, a fraction or a text is none."""

_LONGEST_PLACE = 80
_adapter: Callable[[Any], TypeAdapter[Any]] = lru_cache(TypeAdapter)


def read(shape: type[Shape], text: bytes | str, who: str, advice: str) -> Shape:
    """The JSON document as this shape, strictly: nothing is converted that JSON has a type for.

    `who` begins the sentence of a refusal and `advice` ends it.

    :param shape: a dataclass, or another type that pydantic reads.
    :raises Unobserved: it is no JSON, or another shape.
    """
    try:
        document: Shape = _adapter(shape).validate_json(text, strict=True)
    except ValidationError as refusal:
        raise Unobserved(f"{who}: {_complaint(refusal)}; {advice}") from None
    return document


def _complaint(refusal: ValidationError) -> str:
    """What is wrong first; never what was given, which may hold a secret."""
    first = refusal.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return "the answer is not JSON"
    place = ".".join(map(str, first["loc"]))[:_LONGEST_PLACE]
    message = first["msg"][:1].lower() + first["msg"][1:]
    return f"the answer is not what it should be ({f'{place}: ' if place else ''}{message})"
