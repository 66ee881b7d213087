"""The tables of Heat's schema (heat/db/models.py)."""

# In every release from zed (19) on.
ALWAYS = frozenset(
    {
        "event",
        "raw_template",
        "raw_template_files",
        "resource",
        "resource_data",
        "resource_properties_data",
        "service",
        "snapshot",
        "software_config",
        "software_deployment",
        "stack",
        "stack_lock",
        "stack_tag",
        "sync_point",
        "user_creds",
    }
)
# From 2023.2 (21), when alembic took over, and from 2026.1 (26) on.
LATER = frozenset({"alembic_version", "resource_snapshot"})
# heat/engine/stack.py, class Stack: the words that `stack` has for what it is at, in every release.
STACK_ACTIONS = frozenset(
    {
        "ADOPT",
        "CHECK",
        "CREATE",
        "DELETE",
        "RESTORE",
        "RESUME",
        "ROLLBACK",
        "SNAPSHOT",
        "SUSPEND",
        "UPDATE",
    }
)
STACK_STATUSES = frozenset({"COMPLETE", "FAILED", "IN_PROGRESS"})
