"""`explain`: the page of a check, or those of a family."""

from collections.abc import Iterator

from heat_upgrade_checks.gates import catalogue


def pages(word: str) -> Iterator[str]:
    """The page of the check that has this id, or of each one that has this family.

    :raises UsageError: it is neither an id nor a family.
    """
    checks = catalogue.load()
    catalogue.require_known(checks, [word], "explain")
    family = [check.id for check in checks if check.family == word]
    for id in dict.fromkeys(family or [word]):
        yield catalogue.page_of(id).read_text("utf-8")
