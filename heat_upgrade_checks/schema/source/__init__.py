"""Reads from a migration's source what it does, without running it.

Both ways of every condition count. Whatever cannot be followed is "unknown", never harmless: a call
must be one of alembic's operations, or stand in a list of what changes nothing.

The way of a file through the modules, and where a new construct belongs:

`revision_file`
    One file becomes one `Migration`. Here stands how a file tells its revision.
`reached`
    Which of its statements db_sync runs: another way to be called, to import or to define.
`names`
    What a name stands for, and which strings and flags stand in the source: another way to bind a
    name or to write a constant.
`batches`
    Operations on a variable that is bound to a table, as batch_alter_table does.
`calls`
    What each call is. A function or method that changes nothing goes into `harmless`; what makes
    the calls of a file untrustworthy goes into `unread`.
`operations`
    The list of alembic's operations: a new one is a line in it. What is said of one stands in
    `tables`, `columns` (with `column_sizes`), `constraints` and `statements`, each a function from
    an `operation_call` to an `Operation`.
"""
