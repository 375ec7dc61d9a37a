"""What a comparison amounts to, as JSON and as lines for a terminal."""

import math
from dataclasses import asdict
from typing import Any

from playground.core.events import ReasoningDelta, TextDelta, Token
from playground.core.metrics import Figure, completed_usage, figures
from playground.core.runs import Provenance, Run
from playground.services.comparison import RunEnded, RunEvent, TurnStarted, TurnUpdate


class RunReport:
    """Gathers the runs of a turn, and their tokens where asked for."""

    def __init__(self, *, with_tokens: bool) -> None:
        self._with_tokens = with_tokens
        self._tokens: dict[str, list[Token]] = {}
        self._runs: dict[str, Run] = {}

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs in the order in which their targets were named."""
        return tuple(self._runs.values())

    def take(self, update: TurnUpdate) -> None:
        """Note an update."""
        match update:
            case TurnStarted(turn=turn):
                self._runs = {run.id: run for run in turn.runs}
            case RunEnded(run=run):
                self._runs[run.id] = run
            case RunEvent(run_id=run_id, event=TextDelta() | ReasoningDelta() as event):
                if self._with_tokens:
                    self._tokens.setdefault(run_id, []).extend(event.tokens)

    def as_json(self) -> dict[str, Any]:
        """Return the report as what `json.dumps` takes; unknown is `None`."""
        return {"runs": [self._run_json(run) for run in self.runs]}

    def _run_json(self, run: Run) -> dict[str, Any]:
        usage = completed_usage(run)
        known = figures(run)
        sent_s = run.sent_t_s or 0.0
        entry: dict[str, Any] = {
            "target": run.target.key,
            "status": run.status.value,
            "text": run.text,
            "reasoning": run.reasoning or None,
            "finish_reason": run.finish_reason,
            "seed": run.seed,
            "usage": {
                "prompt_tokens": usage.prompt_tokens,
                "completion_tokens": usage.completion_tokens,
                "cached_tokens": usage.cached_tokens,
                "reasoning_tokens": usage.reasoning_tokens,
                "processed_tokens": usage.processed_tokens,
                "provenance": usage.provenance,
            },
            "timings": asdict(run.timings),
            "speeds": {
                "prompt_tokens_per_s": _value(known.prompt_tokens_per_s),
                "generation_tokens_per_s": _value(known.generation_tokens_per_s),
            },
            "cost": {
                "usd": run.cost.usd if run.cost else None,
                "kind": run.cost.kind if run.cost else None,
                "provenance": run.cost.provenance if run.cost else None,
            },
            "order": run.order,
            "was_loaded": run.was_loaded,
            "shared_machine": run.shared_machine,
            "hosts": [asdict(host) for host in run.hosts],
            "notices": list(run.notices),
            "error": asdict(run.error) if run.error else None,
        }
        if self._with_tokens:
            entry["tokens"] = [_token_json(token, sent_s) for token in self._tokens.get(run.id, [])]
        return entry

    def summary(self) -> list[str]:
        """Return one line for each run."""
        lines = []
        for run in self.runs:
            known = figures(run)
            parts = [
                f"first word {_text(known.ttft_s, 's')}",
                f"{_text(known.generation_tokens_per_s, 'tokens/s', digits=1)}",
                f"whole answer {_text(known.total_s, 's')}",
                f"cost {_money(known.cost_usd)}",
            ]
            lines.append(f"{run.target.label}: {run.status.value} · " + " · ".join(parts))
        return lines


def _token_json(token: Token, sent_s: float) -> dict[str, Any]:
    return {
        "text": token.text,
        "t_s": token.t_s - sent_s,
        "probability": token.probability,
        "alternatives": [asdict(alternative) for alternative in token.alternatives],
    }


def _value(figure: Figure | None) -> float | None:
    return None if figure is None else figure.value


def _mark(figure: Figure) -> str:
    return "≈ " if figure.provenance is Provenance.ESTIMATED else ""


def _text(figure: Figure | None, unit: str, digits: int = 2) -> str:
    if figure is None:
        return f"— {unit}"
    return f"{_mark(figure)}{figure.value:.{digits}f} {unit}"


def _money(figure: Figure | None) -> str:
    if figure is None:
        return "—"
    # three digits that count, never an exponent
    digits = max(2, 2 - math.floor(math.log10(figure.value))) if figure.value > 0 else 2
    return f"{_mark(figure)}${figure.value:.{digits}f}"
