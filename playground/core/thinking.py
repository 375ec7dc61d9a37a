"""Tells what a model thinks from what it answers, in the text it writes.

Models put their thinking between tags at the start of an answer, or write in channels (gpt-oss:
https://cookbook.openai.com/articles/openai-harmony). The tags come as text or as control tokens,
cut anywhere; the closing one may come alone, where the prompt or a provider kept the opening one,
or never.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

_CLOSING = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<thoughts>": "</thoughts>",
    "<reasoning>": "</reasoning>",
    "<reflection>": "</reflection>",
    "[THINK]": "[/THINK]",
    "<seed:think>": "</seed:think>",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|START_THINKING|>": "<|END_THINKING|>",
    "<|channel>thought": "<channel|>",
    "<|inner_prefix|>": "<|inner_suffix|>",
    "◁think▷": "◁/think▷",
}
"""The tag that opens thinking → the one that closes it."""
_CLOSING |= {
    change(tag): change(closing)
    for tag, closing in tuple(_CLOSING.items())
    for change in (str.upper, str.lower, str.title)
    if tag[1:-1].replace(":", "").isalpha()
}
_WITH_ATTRIBUTES = tuple(f"{tag[:-1]} " for tag in _CLOSING if re.fullmatch(r"<\w+>", tag))
"""Begin an opening tag with attributes, `<think type="deep">`."""
_ATTRIBUTES = re.compile(r"""(?:\s*[\w:-]+\s?=\s?(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+))+\s*""")
_CLOSERS = tuple(_CLOSING.values())
_LONE = tuple(tag for tag in _CLOSERS if tag.lower() not in {"</reflection>", "</reasoning>"})
"""Closing tags that mean something without the opening one."""
_WRAPPERS = (
    "<|START_RESPONSE|>",
    "<|END_RESPONSE|>",
    "<|begin_of_solution|>",
    "<|end_of_solution|>",
)
"""Tags around an answer, which are not shown."""
_CHANNEL, _MESSAGE = "<|channel|>", "<|message|>"
_CHANNEL_ENDS = ("<|end|>", "<|return|>", "<|call|>")
_CHANNEL_STARTS = ("<|start|>", _CHANNEL)
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u2060"))
"""Taken for white space at the start of an answer."""
_LONGEST_HEADER = 200
"""Characters between the start of a channel and its text; what is longer is no header."""
CONTROL_TEXTS = frozenset(
    (
        *_CLOSING,
        "<|channel>",
        *_CLOSING.values(),
        *_WRAPPERS,
        *_CHANNEL_STARTS,
        *_CHANNEL_ENDS,
        _MESSAGE,
    )
)
"""Texts of control tokens that say where thinking begins and ends."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of what was written."""

    text: str
    is_reasoning: bool
    is_shown: bool = True
    """False for tags, the white space beside them, and what follows a stop string."""
    ends_thinking: bool = False
    """True where everything shown before turns out to have been thinking."""


class _State(Enum):
    START = auto()
    REASONING = auto()
    ANSWER = auto()
    HEADER = auto()


def opens_reasoning(prompt: str) -> bool:
    """Return True where a prompt ends with the tag that opens thinking."""
    return prompt.rstrip().endswith(tuple(_CLOSING))


class ThinkingSplitter:
    """Takes an answer piece by piece and returns its spans in order.

    A span is let go as soon as none of its characters can belong to a tag or a stop string. The
    texts of all spans together are the text that was fed.
    """

    def __init__(self, stops: tuple[str, ...] = (), *, in_reasoning: bool = False) -> None:
        self._stops = tuple(text for text in stops if text)
        self._state = _State.REASONING if in_reasoning else _State.START
        self._closers = _CLOSERS
        self._has_reasoned = in_reasoning
        self._in_channels = self._is_wrapped = False
        self._skips_space = in_reasoning
        self._undecided = ""
        self._line = ""
        """What is known of the text before, as far as code is concerned."""
        self._in_fence = False
        self._spans: list[Span] = []
        self.is_stopped = False
        self._choose_markers()

    def feed(self, text: str, *, is_control: bool = False) -> list[Span]:
        """Take the next piece of text and return what is decided now.

        `is_control`: it is the text of a control token, which is never shown.
        """
        if not is_control or self._may_mean(text):
            self._undecided += text
            return self._decided(is_last=False)
        before = self._decided(is_last=True)
        return [*before, Span(text, self._is_reasoning, is_shown=False)]

    def finish(self) -> list[Span]:
        """Return what was held back: nothing follows."""
        return self._decided(is_last=True)

    @property
    def begins_answer(self) -> bool:
        """True where what is written next may be the first of the answer."""
        return self._state is _State.START

    @property
    def is_before_answer(self) -> bool:
        """True in thinking and in the head of a channel: what is written next is no answer."""
        return self._state in {_State.REASONING, _State.HEADER}

    @property
    def _is_reasoning(self) -> bool:
        return self._state is _State.REASONING

    def _decided(self, *, is_last: bool) -> list[Span]:
        self._spans = []
        while self._undecided:
            if self.is_stopped:
                self._hide(len(self._undecided))
            elif self._state is _State.HEADER:
                if not self._read_header(is_last=is_last):
                    break
            elif self._may_precede_thinking(self._undecided) and not is_last:
                break
            elif self._beginnings.isdisjoint(self._undecided):
                # the usual case, token by token
                self._show(len(self._undecided))
            elif not self._read_marker(is_last=is_last):
                break
        return self._spans

    def _may_precede_thinking(self, text: str) -> bool:
        """Return True for white space that is no beginning of an answer yet."""
        return self._state is _State.START and _is_blank(text)

    def _may_mean(self, text: str) -> bool:
        """Return True where a control token's text begins a tag."""
        if self._state is _State.HEADER:
            return True
        is_open = self._is_reasoning
        return any(
            marker.startswith(text) and not (is_open and marker in _CLOSING)
            for marker in self._markers
        )

    def _choose_markers(self) -> None:
        """Note which texts would mean something from here on."""
        markers: tuple[str, ...] = self._stops
        if self._state is _State.REASONING:
            markers += (*self._closers, *_CLOSING)
        elif self._state is _State.START:
            markers += (*_CLOSING, *_WITH_ATTRIBUTES, *_WRAPPERS, *_CHANNEL_STARTS)
            # some say twice that it is over
            markers += _CLOSERS if self._has_reasoned else ()
        if self._state is not _State.REASONING and not self._has_reasoned:
            markers += _LONE
        if self._has_reasoned or self._is_wrapped:
            markers += _WRAPPERS
        if self._in_channels:
            markers += (*_CHANNEL_STARTS, *_CHANNEL_ENDS)
        self._markers = markers
        self._beginnings = frozenset(marker[0] for marker in markers)

    def _enter(self, state: _State) -> None:
        self._state = state
        self._choose_markers()

    def _read_marker(self, *, is_last: bool) -> bool:
        """Show the text up to the next marker, or follow it; False where more has to come."""
        found = _first(self._undecided, self._markers)
        held = 0 if is_last else _possible_start(self._undecided, self._markers, self._beginnings)
        begun = len(self._undecided) - held
        if found is None or begun < found[0]:
            if not self._may_precede_thinking(self._undecided[:begun]) or is_last:
                self._show(begun)
            return False
        index, marker = found
        if self._may_precede_thinking(self._undecided[:index]) and marker not in self._stops:
            self._hide(index)
        elif index:
            # after it, other markers may mean something
            self._show(index)
        elif self._state is _State.START and marker in _WITH_ATTRIBUTES:
            return self._read_attributes(marker, is_last=is_last)
        else:
            self._follow(marker)
        return True

    def _follow(self, marker: str) -> None:
        if marker in self._stops:
            self.is_stopped = True
        elif self._state is _State.START and marker in _CLOSING:
            self._open(marker, len(marker))
        elif self._is_reasoning and marker in _CLOSING and self._skips_space:
            # the prompt said so already
            self._hide(len(marker))
        elif self._state is _State.START and self._has_reasoned and marker in _CLOSERS:
            self._hide(len(marker))
            self._skips_space = True
        elif self._is_reasoning and marker in self._closers:
            self._hide(len(marker))
            self._skips_space = True
            # some think again before they answer
            self._enter(_State.START)
        elif marker in _CHANNEL_STARTS and (self._in_channels or self._state is _State.START):
            self._enter(_State.HEADER)
        elif marker in _CHANNEL_ENDS:
            self._hide(len(marker))
            self._enter(_State.START)
        elif marker in _WRAPPERS:
            self._hide(len(marker))
            self._is_wrapped = self._skips_space = True
        elif marker in _LONE and not self._in_code():
            self._spans.append(Span(marker, is_reasoning=True, is_shown=False, ends_thinking=True))
            self._undecided = self._undecided[len(marker) :]
            self._has_reasoned = self._skips_space = True
            self._enter(_State.START)
        else:
            # an answer that speaks of tags; a stop string may stand within
            self._show(1)

    def _open(self, tag: str, length: int) -> None:
        self._closers = (_CLOSING[tag],)
        self._has_reasoned = self._skips_space = True
        self._enter(_State.REASONING)
        self._hide(length)

    def _read_attributes(self, begun: str, *, is_last: bool) -> bool:
        """Read up to the end of an opening tag; False where more has to come."""
        end = self._undecided.find(">", 0, _LONGEST_HEADER)
        if end < 0 and len(self._undecided) < _LONGEST_HEADER and not is_last:
            return False
        if _ATTRIBUTES.fullmatch(self._undecided, len(begun), max(end, 0)):
            self._open(f"{begun.strip()}>", end + 1)
        else:
            self._show(1)
        return True

    def _read_header(self, *, is_last: bool) -> bool:
        """Read up to the text of a channel; False where more has to come."""
        length = self._undecided.find(_MESSAGE, 0, _LONGEST_HEADER)
        if length < 0:
            if len(self._undecided) < _LONGEST_HEADER and not is_last:
                return False
            if is_last and self._in_channels:
                self._hide(len(self._undecided))
                return True
            # no header: shown as it is
            self._enter(_State.ANSWER)
            self._show(1)
            return True
        head = self._undecided[:length]
        channel = re.match(r"\s*(\w*)", head.rpartition(_CHANNEL)[2])
        is_final = _CHANNEL not in head or channel is None or channel[1] in {"final", ""}
        if not is_final:
            self._closers = _CHANNEL_ENDS
        self._in_channels = self._has_reasoned = True
        self._enter(_State.ANSWER if is_final else _State.REASONING)
        self._hide(len(head) + len(_MESSAGE))
        self._skips_space = True
        return True

    def _in_code(self) -> bool:
        return self._in_fence or self._line.count("`") % 2 == 1 or self._line[-1:] in {'"', "'"}

    def _show(self, count: int) -> None:
        if self._skips_space and count:
            visible = self._undecided[:count].lstrip()
            self._skips_space = not visible
            self._hide(count - len(visible))
            count = len(visible)
        if not count:
            return
        text, self._undecided = self._undecided[:count], self._undecided[count:]
        self._spans.append(Span(text, self._is_reasoning))
        if self._state is _State.START and not _is_blank(text):
            self._enter(_State.ANSWER)
        if not self._has_reasoned:
            self._note_code(text)

    def _hide(self, count: int) -> None:
        if count:
            text, self._undecided = self._undecided[:count], self._undecided[count:]
            self._spans.append(Span(text, self._is_reasoning, is_shown=False))

    def _note_code(self, text: str) -> None:
        """Follow where the text is code, in which a tag is only spoken of."""
        before, _, last = (self._line + text).rpartition("\n")
        fences = sum(line.lstrip().startswith("```") for line in before.split("\n"))
        self._in_fence ^= fences % 2 == 1
        self._line = last


def _is_blank(text: str) -> bool:
    return text.isspace() or bool(text and not text.translate(_INVISIBLE).strip())


@lru_cache(maxsize=64)
def _pattern(markers: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(markers, key=len))))


def _first(text: str, markers: tuple[str, ...]) -> tuple[int, str] | None:
    """Return where the first marker stands in `text`, the shortest of those that start there."""
    found = _pattern(markers).search(text)
    return found and (found.start(), found[0])


def _possible_start(text: str, markers: tuple[str, ...], beginnings: frozenset[str]) -> int:
    """Return how many characters at the end of `text` may be the beginning of a marker."""
    longest = max(map(len, markers)) - 1
    for start in range(max(0, len(text) - longest), len(text)):
        if text[start] in beginnings:
            end = text[start:]
            if any(marker.startswith(end) and marker != end for marker in markers):
                return len(end)
    return 0
