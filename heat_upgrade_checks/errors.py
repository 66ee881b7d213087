"""The ways in which this tool itself ends a sentence early.

    HeatUpgradeCheckError
    ├── UsageError     the command line, the plan or a file named in it is wrong: exit 64
    ├── Unobserved     a fact could not be observed: the checks that rest on it are `error`
    └── NotConfigured  an optional source was not asked for: its checks are `not-applicable`

Each carries one sentence for the operator: what is wrong, where, and what to do next.
"""


class HeatUpgradeCheckError(Exception):
    """Base of every error this package raises on purpose."""


class UsageError(HeatUpgradeCheckError):
    """The operator's input cannot be used; nothing was observed or judged."""


class Unobserved(HeatUpgradeCheckError):
    """A source gave no trustworthy answer; the sentence says why and what to do next."""


class NotConfigured(HeatUpgradeCheckError):
    """An optional source that the plan does not give; the sentence says how to give it."""
