from heat_upgrade_checks.evidence.database.packet_limit import PacketLimit
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat import administration
from heat_upgrade_checks.wording import counted, some

_NAMED = 3
_MIB = 2**20


@check("schema.max-packet", phases=["pre"], guide="prerequisites")
def check_the_server_takes_the_largest_rows(
    database: Database, packet_limit: PacketLimit, gate: Judgement
) -> None:
    """The database server takes statements as large as the templates that stacks use."""
    limit = packet_limit.limit
    if limit is None:
        gate.not_applicable(f"{database.server} limits no statement's size")
    gate.looked_at(f"{packet_limit.extent}; {database.server}")
    if not packet_limit.rows:
        return
    largest = packet_limit.rows[0].bytes
    # Escaped, it is larger, and at most twice as large.
    needed = 2 ** (largest.bit_length() + 1)
    stacks = [
        f"row {row.id} of {row.table}, stack {row.stack} ({row.stack_id}), {row.bytes / _MIB:.1f} "
        "MiB"
        for row in packet_limit.rows
    ]
    gate.warn(
        "max_allowed_packet",
        f"is {limit / _MIB:.1f} MiB; {counted(len(stacks), 'row')} in use would not be taken "
        f"again: {some(stacks, _NAMED)}. An update of such a stack fails with error 2006",
        hint="Raise it, in the server's configuration too, or the next restart takes it back; then "
        "restart Heat's services, for a connection keeps the limit with which it began.",
        commands=[
            administration.run(
                database.server,
                database.name,
                f"SET GLOBAL max_allowed_packet = {needed}",
            )
        ],
        data={"limit": limit, "largest": largest, "rows": len(stacks)},
    )
