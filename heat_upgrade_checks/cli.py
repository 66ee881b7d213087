"""The entry point: every way out has its exit code, and none is a traceback."""

import os
import signal
import sys
from types import FrameType

# 0 to 3 are a gate's verdicts; to end without one is to leave it incomplete.
INTERRUPTED = 3
BROKEN = 255


def run() -> None:
    """The console script. What it needs is imported here: Python's own code for an import that
    fails is 1, which means go with warnings.
    """
    try:
        _end_in_order_on(signal.SIGTERM)
        from heat_upgrade_checks.output import onto

        # Whoever reads along may leave: to click that would be code 1 as well.
        sys.stdout, sys.stderr = onto(1), onto(2)
        from heat_upgrade_checks.commands.program import call

        code = call()
    except KeyboardInterrupt:
        _say("INCOMPLETE (interrupted)")
        code = INTERRUPTED
    except BaseException as error:
        _say(f"broke ({_kind_and_place(error)}); nothing was judged, report it as a bug")
        code = BROKEN
    # The code is settled; who presses a key again must not get another one.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)


def _end_in_order_on(number: signal.Signals) -> None:
    """Let the signal do what Ctrl-C does; a process that was forked ends by it as ever."""
    ours = os.getpid()

    def end(number: int, _: FrameType | None) -> None:
        if os.getpid() == ours:
            raise KeyboardInterrupt
        os._exit(128 + number)

    signal.signal(number, end)


def _kind_and_place(error: BaseException) -> str:
    """What broke and where, without the error's own words: they may hold a secret."""
    kind, where = type(error).__name__, error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    if where is None:
        return kind
    file = "/".join(where.tb_frame.f_code.co_filename.split("/")[-2:])
    return f"{kind} at {file}:{where.tb_lineno}"


def _say(sentence: str) -> None:
    try:
        os.write(2, f"heat-upgrade-check: {sentence}\n".encode(errors="replace"))
    except OSError:
        # Nobody reads it, and the exit code says the same.
        return
