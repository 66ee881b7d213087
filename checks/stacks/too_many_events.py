from heat_upgrade_checks.evidence.stacks.event_counts import EventCounts
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check


@check("stacks.too-many-events", phases=["pre"], guide="prerequisites")
def check_events_are_purged(event_counts: EventCounts, gate: Judgement) -> None:
    """No live stack has more than twice the events that Heat keeps."""
    if not event_counts.kept:
        gate.not_applicable("max_events_per_stack lets a stack have any number of events")
    if not event_counts.counted:
        gate.not_applicable(
            "the events were not counted within database.statement_timeout; raise it in the plan "
            "to have them counted"
        )
    gate.looked_at(event_counts.extent)
    for stack in event_counts.named:
        gate.warn(
            f"stack {stack.name} ({stack.id}), project {stack.project}",
            f"has {stack.events} events; Heat is to keep {event_counts.kept} of a stack",
            hint="They make backup, restore and each listing of its events longer. Heat deletes "
            "the oldest with the next events of the stack, event_purge_batch_size at a time; find "
            "out why it did not, or let its owner update the stack.",
            data={"stack_id": stack.id, "events": stack.events},
        )
    unnamed = event_counts.stacks - len(event_counts.named)
    if unnamed:
        gate.warn(
            "further stacks",
            f"{unnamed} more have over {event_counts.limit} events",
            hint="Those above have the most.",
            data={"stacks": event_counts.stacks},
        )
