"""Bytes of an event stream into events, as the specification says.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream, with four
differences, each for what servers write and the specification drops without a word. What stands at
the end without a blank line behind it is an event as well. The field `error`, which llama-server
writes, is the data of an event of that name. A line that is a JSON object or `[DONE]` is data. A
field is known in any capitals, and behind byte order marks, zeros or white space.
"""

import codecs
import re
from typing import NamedTuple

MOST_EVENT_BYTES = 16 * 1024 * 1024
"""Longest event that is taken; one without an end would fill the memory."""

_FIELDS = frozenset({"data", "error", "event", "id", "retry"})
_LINE_END = re.compile(r"\r\n|\n|\r")
_BEFORE_FIELDS = "\ufeff\0 \t"
_BARE_DATA = re.compile(r"[\ufeff\0 \t]*(\[?\{|\[DONE\])", re.IGNORECASE)
"""Begins a line that is data without saying so."""


class EventTooLarge(Exception):
    """An event is larger than any answer."""


class ServerEvent(NamedTuple):
    """One event: its name, `message` where it has none, and its data."""

    name: str
    data: str


class EventDecoder:
    """Takes the bytes of one stream in pieces, cut anywhere."""

    def __init__(self) -> None:
        # `utf-8-sig` leaves the byte order mark out
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._rest: list[str] = []
        """Pieces of the line that is not complete."""
        self._size = 0
        self._ends_in_cr = False
        self.is_event_stream = False
        """True once something came that only an event stream has: a comment or a known field."""
        self._name = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[ServerEvent]:
        """Return the events that are complete now; raises `EventTooLarge`."""
        return self._read(self._decode(piece))

    def finish(self) -> list[ServerEvent]:
        """Return what the end of the stream completes."""
        events = self._read(self._decode(b"", True))
        rest = "".join(self._rest)
        if rest:
            self._field(rest)
        return [*events, *self._dispatched()]

    def _read(self, text: str) -> list[ServerEvent]:
        if self._ends_in_cr and text:
            # the other half of a line end that was cut in two
            text, self._ends_in_cr = text.removeprefix("\n"), False
        if not text:
            return []
        self._ends_in_cr = text.endswith("\r")
        events: list[ServerEvent] = []
        first, *others = _LINE_END.split(text)
        self._rest.append(first)
        self._size += len(first)
        for following in others:
            line = "".join(self._rest)
            self._rest = [following]
            self._size += len(following)
            if line:
                self._field(line)
            else:
                events += self._dispatched()
                self._size = len(following)
        if self._size > MOST_EVENT_BYTES:
            raise EventTooLarge
        return events

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        name, value = name.strip(_BEFORE_FIELDS).lower(), value.removeprefix(" ")
        self.is_event_stream |= name in _FIELDS or line[0] == ":"
        if name == "error":
            self._name = name
        if name in {"data", "error"}:
            self._data.append(value)
        elif _BARE_DATA.match(line):
            self._data.append(line.strip(_BEFORE_FIELDS))
        else:
            # nothing else of the line is kept
            self._size -= len(line)
            if name == "event":
                self._name = value

    def _dispatched(self) -> list[ServerEvent]:
        name, data = self._name or "message", self._data
        self._name, self._data = "", []
        return [ServerEvent(name, "\n".join(data))] if data else []
