from heat_upgrade_checks.evidence.stacks.leftovers import HeldResource, Leftovers
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check


@check("stacks.stale-locks", phases=["pre", "stopped", "post"], guide="prerequisites, rolling 8")
def check_no_dead_engine_holds_a_stack_at_rest(leftovers: Leftovers, gate: Judgement) -> None:
    """No dead engine holds a lock or a resource of a stack that is at rest."""
    gate.looked_at(leftovers.extent)
    alive = {row.engine_id for row in leftovers.services if row.alive}
    for lock in leftovers.locks:
        # A stack in flight is judged by stacks.stuck and stacks.in-progress.
        if lock.engine_id in alive or lock.status == "IN_PROGRESS":
            continue
        reset = gate.heat_manage("reset_stack_status", lock.stack_id)
        gate.warn(
            f"stack {lock.stack_name} ({lock.stack_id}), project {lock.project}",
            f"is locked by engine {lock.engine_id}, which is dead; the stack is at rest, "
            f"{lock.action} {lock.status}",
            hint="An action that needs the lock takes it over. heat-manage reset_stack_status "
            "removes it now; it needs every engine down before.",
            commands=[reset] if gate.phase == "stopped" and not alive else [],
            data={"stack_id": lock.stack_id, "engine_id": lock.engine_id},
        )
    dead = [held for held in leftovers.held if held.engine_id not in alive]
    for held in dead:
        hint, commands = _taken_over(held)
        gate.warn(
            f"resource {held.name} of stack {held.stack_name} ({held.stack_id}), "
            f"project {held.project}",
            f"is {held.status} and held by engine {held.engine_id}, which is dead; the stack is "
            f"at rest, {held.stack_status}",
            hint=hint,
            commands=commands,
            data={"stack_id": held.stack_id, "engine_id": held.engine_id},
        )
    if leftovers.held_count > len(leftovers.held):
        gate.cannot_tell(
            f"{leftovers.held_count} resources are held in stacks at rest, too many to look at "
            "each; free them as those listed, then run this phase again"
        )


def _taken_over(held: HeldResource) -> tuple[str, list[list[str]]]:
    """What takes a resource over from its dead engine: a new traversal of its root stack.

    heat/engine/service.py, update_stack: a stack that is suspended or deleted is not updated; one
    whose resume failed is.
    """
    update = ["openstack", "stack", "update", "--existing", held.root_id]
    match held.root_action:
        case "":
            return "Its root stack is deleted: the row goes when that is purged.", []
        case "DELETE":
            delete = ["openstack", "stack", "delete", held.root_id]
            return "Delete the stack again, by its root.", [delete]
        case "SUSPEND":
            return (
                "Heat updates no suspended stack: resume it, by its root, even if that fails; "
                "the next update or deletion then takes it over.",
                [["openstack", "stack", "resume", held.root_id], update],
            )
    return "The next update or deletion of the stack, by its root, takes it over.", [update]
