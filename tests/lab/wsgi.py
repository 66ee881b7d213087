"""The command that serves a WSGI application on the loopback interface."""

from pathlib import Path


def command(
    python: Path, module: str, port: int, *options: str, address: str = "127.0.0.1"
) -> list[str | Path]:
    """uWSGI from the application's own virtual environment, set up as DevStack does it."""
    return [
        python.parent / "uwsgi",
        f"--module={module}:application",
        f"--http-socket={address}:{port}",
        "--processes=1",
        "--threads=4",
        "--master",
        "--die-on-term",
        "--lazy-apps",
        "--need-app",
        "--enable-threads",
        "--buffer-size=65535",
        # It closes every connection and, without this, does not tell the client.
        "--add-header=Connection: close",
        *options,
    ]
