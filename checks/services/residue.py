from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check


@check("services.residue", phases=["post"], guide="rolling 8, cold 6")
def check_no_dead_engine_is_listed(database: Database, gate: Judgement) -> None:
    """No service row is left of an engine that does not run any more."""
    gate.looked_at(database.extent)
    for row in database.services:
        if not row.alive:
            gate.warn(
                f"engine {row.host} ({row.engine_id})",
                f"reported last {row.reported_seconds_ago:.0f} s ago and did not end cleanly",
                hint="Where it is gone for good, clean the rows: they change nothing, but hide "
                "an engine that is missing.",
                commands=[gate.heat_manage("service", "clean")],
                data={"engine_id": row.engine_id, "host": row.host},
            )
