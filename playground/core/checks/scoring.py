"""Answers against checks: right, wrong, or not scored with the reason."""

import json
import re
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from playground.core.checks.patterns import matches
from playground.core.checks.reading import (
    COUNTS,
    LIMITS,
    TEXTS,
    last_number_readings,
    parts_of,
    read_expected_number,
    read_limit,
    require_readable,
)
from playground.core.checks.schema import MAX_ANSWER, Unjudged, first_fault, read_schema
from playground.core.errors import UsageError
from playground.core.expected import CUT_OFF, Check, CheckKind, Outcome
from playground.core.fold import word_count
from playground.core.runs import CutShort, Run, RunStatus


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check says, and why in a sentence."""

    check: Check
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Score:
    """What all checks of an answer say."""

    outcome: Outcome
    results: tuple[CheckResult, ...] = ()
    reason: str = ""
    """Why nothing could be scored at all; empty where checks were held against the answer."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the outcome is what it is."""
        if self.reason:
            return (self.reason,)
        return tuple(r.reason for r in self.results if r.outcome is self.outcome)


_LONGEST_QUOTE = 60
_CUT_SHORT = {
    CutShort.LENGTH: CUT_OFF,
    CutShort.FILTERED: "The provider held the answer back.",
    CutShort.TOOL: "The answer ended with a call of a tool, and there is none.",
    CutShort.GIVEN_UP: "The provider gave the answer up.",
}
_EDGE = re.compile(
    r"""(?<![^\W_]) [.,]+ (?!\d)              # the point of .5 is a part of its number
      | [.,]+ (?![^\W_])
      | (?<![^\W_]) [;:!?…"'`*_()\[\]{}]+
      | [;:!?…"'`*_()\[\]{}]+ (?![^\W_])
    """,
    re.VERBOSE,
)
"""Punctuation at the edges of words, not within 3.5, don't or snake_case."""
_STRAIGHT = str.maketrans("‘’‚“”„«»‐‑‒–−", '\'\'\'"""""-----')
"""Quotes and dashes as a keyboard has them."""
_UNSEEN = dict.fromkeys(
    [0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF]
)
"""What nobody sees: where a word may break, and which way it is written."""
_SLACK = Fraction(1, 10**15)


def score(checks: Sequence[Check], run: Run) -> Score:
    """Return what `checks`, and the form it was asked for, say of a run's answer.

    Right is what every check finds right. An answer that failed, was stopped or is not whole is
    never wrong: it is not scored.
    """
    if (reason := unscored_reason(run)) is not None:
        return Score(Outcome.NOT_SCORED, reason=reason)
    if not (results := check_results(checks, run)):
        return Score(Outcome.NOT_SCORED, reason="There is no check.")
    outcomes = {result.outcome for result in results}
    for outcome in (Outcome.WRONG, Outcome.NOT_SCORED):
        if outcome in outcomes:
            return Score(outcome, results)
    return Score(Outcome.RIGHT, results)


def check_results(checks: Sequence[Check], run: Run) -> tuple[CheckResult, ...]:
    """Return what each check says of a run's answer; the form it was asked for is the first."""
    schema = run.request.sampling.schema
    form = () if schema is None else (Check(CheckKind.SCHEMA, schema),)
    wanted = (*form, *(check for check in checks if check not in form))
    if (reason := unscored_reason(run)) is not None:
        return tuple(CheckResult(check, Outcome.NOT_SCORED, reason) for check in wanted)
    return tuple(_result(check, run) for check in wanted)


def unscored_reason(run: Run) -> str | None:
    """Return why a run's answer can be held against nothing; `None` where it can."""
    if run.error is not None:
        return run.error.message
    if run.status is RunStatus.CANCELLED:
        return "The answer was stopped."
    if run.status is not RunStatus.FINISHED:
        return "There is no answer yet."
    return None if run.cut_short is None else _CUT_SHORT[run.cut_short]


def _result(check: Check, run: Run) -> CheckResult:
    try:
        require_readable(check)
    except UsageError as error:
        # what stands in for a name may have made it so
        return CheckResult(check, Outcome.NOT_SCORED, error.message)
    text = run.text.strip()
    kind = check.kind
    if kind in LIMITS:
        return _held_to_limit(check, run)
    if not text.translate(_UNSEEN).strip():
        return CheckResult(check, Outcome.WRONG, "The answer is empty.")
    if kind in TEXTS:
        return _said(check, *_compared(check, text))
    if kind in COUNTS:
        return _counted(check, text)
    if kind is CheckKind.NUMBER:
        return _numbered(check, text)
    if kind is CheckKind.REGEX:
        return _matched(check, text)
    return _formed(check, text)


def _said(check: Check, is_right: bool, reason: str) -> CheckResult:
    return CheckResult(check, Outcome.RIGHT if is_right else Outcome.WRONG, reason)


def _compared(check: Check, text: str) -> tuple[bool, str]:
    answer = _normal(text, check)
    parts = {part: _normal(part, check) for part in parts_of(check)}
    found = [part for part, normal in parts.items() if normal in answer]
    first = next(iter(parts))
    match check.kind:
        case CheckKind.CONTAINS:
            return bool(found), f"It {'contains' if found else 'does not contain'} {_quote(first)}."
        case CheckKind.NOT_CONTAINS:
            return not found, f"It {'contains' if found else 'does not contain'} {_quote(first)}."
        case CheckKind.ANY_OF:
            said = f"It contains {_quote(found[0])}." if found else "It contains none of them."
            return bool(found), said
        case CheckKind.ALL_OF:
            missing = [part for part in parts if part not in found]
            said = f"It does not contain {_quote(missing[0])}." if missing else "It contains all."
            return not missing, said
        case CheckKind.BEGINS_WITH:
            is_right = _bare(answer, check).startswith(_bare(parts[first], check))
            said = "begins" if is_right else "does not begin"
            return is_right, f"It {said} with {_quote(first)}."
    is_right = _bare(answer, check) == _bare(parts[first], check)
    said = f"It is {_quote(first)}." if is_right else f"It is {_quote(text)}, not {_quote(first)}."
    return is_right, said


def _normal(text: str, check: Check) -> str:
    text = unicodedata.normalize("NFC", text)
    if not check.case_counts:
        text = text.replace("İ", "i").casefold()
    if not check.space_counts:
        text = " ".join(text.translate(_UNSEEN).split())
    if not check.punctuation_counts:
        text = text.translate(_STRAIGHT)
    return text


def _bare(text: str, check: Check) -> str:
    """Return the text without what stands around its words: quotes, commas, marks of emphasis."""
    if check.punctuation_counts:
        return text
    bare = _EDGE.sub("", text)
    return (bare if check.space_counts else " ".join(bare.split())).strip() or text


def _counted(check: Check, text: str) -> CheckResult:
    words, limit = word_count(text), int(read_limit(check))
    is_least = check.kind is CheckKind.MIN_WORDS
    is_right = words >= limit if is_least else words <= limit
    bound = "at least" if is_least else "at most"
    counted = f"{words:,} word" if words == 1 else f"{words:,} words"
    wanted = "1 was" if limit == 1 else f"{limit:,} were"
    return _said(check, is_right, f"It has {counted}; {bound} {wanted} wanted.")


def _held_to_limit(check: Check, run: Run) -> CheckResult:
    limit = read_limit(check)
    if check.kind is CheckKind.MAX_SECONDS:
        value, unit = run.timings.total_s, "It took {:.2f} s; {:g} s were allowed."
    else:
        value = run.cost.usd if run.cost else None
        unit = "It cost ${:.6f}; ${:g} were allowed."
    if value is None:
        what = "took" if check.kind is CheckKind.MAX_SECONDS else "cost"
        return CheckResult(check, Outcome.NOT_SCORED, f"What it {what} is not known.")
    return _said(check, value <= limit, unit.format(value, limit))


def _numbered(check: Check, text: str) -> CheckResult:
    wanted, tolerance = read_expected_number(check.expected)
    # an answer that reckons aloud ends with its result
    found = last_number_readings(text)
    if not found:
        return _said(check, False, "It has no number.")
    for number in found:
        if _is_near(number.value, wanted, tolerance):
            return _said(check, True, f"Its last number is {number.text[:_LONGEST_QUOTE]}.")
    said = f"Its last number is {found[0].text[:_LONGEST_QUOTE]}, not {check.expected.strip()}."
    return _said(check, False, said)


def _is_near(value: Fraction, wanted: Fraction, tolerance: Fraction) -> bool:
    """Return whether `value` is within the tolerance; what floats add far behind is let pass."""
    are_whole = value.denominator == wanted.denominator == 1
    slack = 0 if are_whole else _SLACK * abs(wanted)
    return abs(value - wanted) <= tolerance + slack


def _matched(check: Check, text: str) -> CheckResult:
    try:
        found = matches(check.expected, text)
    except TimeoutError:
        reason = "The regular expression took too long on this answer."
        return CheckResult(check, Outcome.NOT_SCORED, reason)
    said = "matches" if found else "does not match"
    return _said(check, found, f"It {said} the pattern {_quote(check.expected)}.")


def _formed(check: Check, text: str) -> CheckResult:
    try:
        value = _json(text)
    except ValueError:
        fenced = re.fullmatch(r"```\w*\n.*\n?```", text, re.DOTALL)
        where = " It stands in a code block, which a program would stumble on." if fenced else ""
        return _said(check, False, f"It is not JSON.{where}")
    except RecursionError:
        return CheckResult(check, Outcome.NOT_SCORED, "It is nested too deeply to be read.")
    except OverflowError:
        return CheckResult(check, Outcome.NOT_SCORED, "A number in it is too long to be read.")
    if check.kind is CheckKind.JSON:
        return _said(check, True, "It is JSON.")
    if len(text) > MAX_ANSWER:
        reason = f"It is longer than the {MAX_ANSWER:,} characters that are looked at."
        return CheckResult(check, Outcome.NOT_SCORED, reason)
    try:
        fault = first_fault(value, read_schema(check.expected))
    except Unjudged as error:
        return CheckResult(check, Outcome.NOT_SCORED, f"Not told: {error}.")
    return _said(check, fault is None, fault or "It has the form.")


def _json(text: str) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    def whole_number(written: str) -> int:
        if len(written) > sys.int_info.default_max_str_digits:
            raise OverflowError
        return int(written)

    return json.loads(text, parse_constant=refuse, parse_int=whole_number)


def _quote(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line if len(line) <= _LONGEST_QUOTE else line[: _LONGEST_QUOTE - 1] + '…'}”"
