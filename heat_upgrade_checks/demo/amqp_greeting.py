"""Lets anybody in as a broker does: the part of AMQP 0-9-1 that a login without work takes.

The methods are those of the specification's chapters 1.4 (connection) and 1.5 (channel).
"""

import struct
from collections.abc import Callable

CLUSTER = "rabbit@demo"
PROTOCOL = b"AMQP\x00\x00\x09\x01"

_METHOD, _END = 1, b"\xce"
_START, _START_OK = (10, 10), (10, 11)
_TUNE, _OPEN, _OPEN_OK = (10, 30), (10, 40), (10, 41)
_CHANNEL_OPEN, _CHANNEL_OPEN_OK = (20, 10), (20, 11)
_CHANNEL_CLOSE, _CHANNEL_CLOSE_OK = (20, 40), (20, 41)
_CLOSE, _CLOSE_OK = (10, 50), (10, 51)

_CHANNELS, _FRAME, _HEARTBEAT = 2047, 131072, 0
_ANSWERS = {
    _START_OK: (_TUNE, struct.pack(">HIH", _CHANNELS, _FRAME, _HEARTBEAT)),
    _OPEN: (_OPEN_OK, b"\x00"),
    _CHANNEL_OPEN: (_CHANNEL_OPEN_OK, struct.pack(">I", 0)),
    _CHANNEL_CLOSE: (_CHANNEL_CLOSE_OK, b""),
    _CLOSE: (_CLOSE_OK, b""),
}


def greet(read: Callable[[int], bytes], write: Callable[[bytes], object]) -> None:
    """Answer one connection until it closes; `read` gives that many bytes, or fewer at its end."""
    if read(len(PROTOCOL)) != PROTOCOL:
        return
    name = b"\x0ccluster_name" + b"S" + _long(CLUSTER.encode())
    start = b"\x00\x09" + _long(name) + _long(b"PLAIN AMQPLAIN") + _long(b"en_US")
    write(_frame(0, _START, start))
    while len(head := read(7)) == 7:
        _, channel, size = struct.unpack(">BHI", head)
        method = struct.unpack(">HH", read(size + len(_END))[:4])
        if answer := _ANSWERS.get(method):
            write(_frame(channel, *answer))
        if method == _CLOSE:
            return


def _long(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _frame(channel: int, method: tuple[int, int], arguments: bytes) -> bytes:
    payload = struct.pack(">HH", *method) + arguments
    return struct.pack(">BHI", _METHOD, channel, len(payload)) + payload + _END
