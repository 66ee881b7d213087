"""What every source answers with."""

from abc import ABC, abstractmethod
from typing import ClassVar


class Facts(ABC):
    """The answer of one source; each is a frozen dataclass of its own."""

    # For pydantic, which reads recordings back. One that holds a field which is unknown here is of
    # another version, and that field may have said that a part was not seen.
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    @property
    @abstractmethod
    def extent(self) -> str:
        """What was read, in a few words."""

    @property
    def incomplete(self) -> tuple[str, ...]:
        """A sentence for each part of the source that could not be seen: why, and what to do.

        Empty where everything was seen. It is a field where nothing else tells of the part, and
        is derived where checks need to know which part it is.
        """
        return ()
