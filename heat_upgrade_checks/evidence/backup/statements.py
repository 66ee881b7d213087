"""Statements of a plain SQL dump, found in one pass over its bytes, in constant memory.

They are searched at line starts. Row data cannot imitate them: the MySQL family escapes newlines
inside literals, and what may keep them is passed over as a whole: PostgreSQL's data from
`COPY … FROM stdin;` to `\\.`, or from `INSERT INTO` to the semicolon outside of quotes, and the
bodies of triggers and routines.
"""

import re
from functools import lru_cache

# Bytes that data hold less often than newlines and letters.
_RARE = b"\\$;"
# How many of them are looked at, one by one, before that costs more than it can save.
_TRIES = 32


class Statements:
    """A walk over the statements of one dump, fed piece by piece.

    What a subclass takes up is what `statements` matches, which begins with the newline before it
    and ends within `reach` bytes. What lies between is shown to it, and what is passed over.
    """

    statements: re.Pattern[bytes]

    def __init__(self, reach: int) -> None:
        self._reach = reach
        # A newline, so that the first line is like all others.
        self._buffer = b"\n"
        # What is passed over as a whole, up to these words.
        self._until = b""
        self._counts_quotes = False
        self._odd_quotes = False

    def _add(self, piece: bytes) -> None:
        """Walk on, as far as the next piece of the dump lets it be known what is there."""
        self._buffer += piece
        self._walk(len(self._buffer) - self._reach)

    def _finish(self) -> None:
        """Walk over what is left when the dump is over."""
        self._walk(len(self._buffer))

    def _walk(self, limit: int) -> None:
        """Walk over all that begins before `limit`; what begins later waits for the next piece."""
        buffer, position = self._buffer, 0
        while position < limit:
            if self._until:
                position = self._pass(position)
                continue
            match = self.statements.search(buffer, position)
            if match is None or match.start() >= limit:
                self._see(position, limit)
                position = limit
                break
            self._see(position, match.start())
            position = self._take(match)
        self._buffer = buffer[position:]

    def _pass(self, position: int) -> int:
        """Where what is passed over ends, or where to go on once more is known."""
        buffer, until = self._buffer, self._until
        found = next_place(until, buffer, position)
        stop = self._unsearched(position) if found < 0 else found
        if self._counts_quotes:
            self._odd_quotes ^= bool(buffer.count(b"'", position, stop) % 2)
        if found < 0 or self._odd_quotes:
            # The limit lies before the end of the buffer, or this is the end of the dump.
            after = max(stop, position + 1) if found < 0 else found + 1
            self._see(position, after)
            return after
        self._see(position, found)
        # Up to the last byte of the words: a newline there begins the next line.
        after = found + len(until) - 1
        self._see_end(found, after)
        self._until = b""
        return after

    def _unsearched(self, position: int) -> int:
        """Where the words that end what is passed over may have begun."""
        start = max(position, len(self._buffer) - len(self._until) + 1)
        # Mostly nowhere; with nothing to keep, the next piece need not be copied behind it.
        begun = self._buffer.find(self._until[:1], start)
        return len(self._buffer) if begun < 0 else begun

    def _pass_over(self, until: bytes, *, counts_quotes: bool = False) -> None:
        """Go on behind these words; with `counts_quotes`, outside of quotes only."""
        self._until = until
        self._counts_quotes, self._odd_quotes = counts_quotes, False

    def _take(self, match: re.Match[bytes]) -> int:
        """Act on a statement; where in the buffer to go on."""
        raise NotImplementedError

    def _see(self, start: int, stop: int) -> None:
        """Look at a part of the buffer that lies between statements or is passed over."""
        raise NotImplementedError

    def _see_end(self, start: int, stop: int) -> None:
        """Look at the words that end what was passed over, all but their last byte."""
        raise NotImplementedError


def next_place(words: bytes, buffer: bytes, position: int) -> int:
    """Where these words come next in the buffer, -1 if they do not: as `bytes.find`, but faster."""
    # bytes.find goes to a single byte many times as fast as to several. Where the data are full of
    # that byte, a regular expression is faster than either.
    before = _rarest(words)
    rare, at = words[before], position + before
    for _ in range(_TRIES):
        if (at := buffer.find(rare, at)) < 0:
            return -1
        if buffer.startswith(words, at - before):
            return at - before
        at += 1
    match = re.compile(re.escape(words)).search(buffer, at - before)
    return match.start() if match else -1


@lru_cache
def _rarest(words: bytes) -> int:
    """Where in these words the byte stands that data hold least often."""
    return words.index(next((byte for byte in _RARE if byte in words), words[0]))
