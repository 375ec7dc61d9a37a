"""One request to the Hub and its answer: limits, what is noted of it, sentences for what fails."""

from contextvars import ContextVar
from dataclasses import dataclass, field

from playground.core.errors import HubFailed, HubTokenRefused, PlaygroundError, RepositoryGated
from playground.core.redaction import Redactor
from playground.core.waiting import wait_s, wait_words
from playground.network.traffic import Traffic

_EXPLAINED = "an access token (a kind of password from huggingface.co)"
PRIVATE_HINT = f"Check the name. A private one needs {_EXPLAINED}: enter it in Settings."


@dataclass(frozen=True, slots=True)
class HubLimits:
    """Seconds that a call to the Hub may take."""

    connect_s: float = 6.0
    read_s: float = 8.0
    """Longest silence of a server."""
    answer_s: float = 9.0
    """Until an answer begins, the search for the server's address included."""


@dataclass(slots=True)
class Exchange:
    """What the transport may do for one call of `huggingface_hub`, and what it notes of it."""

    limits: HubLimits = field(default_factory=HubLimits)
    proxy: str | None = None
    """The proxy from Settings; `None`: what the environment says."""
    is_offline: bool = False
    redactor: Redactor = field(default_factory=Redactor)
    traffic: Traffic = field(default_factory=Traffic)
    most_bytes: int = 32 << 20
    """The rest of an answer is not read."""
    wants_json: bool = False
    next_query: str | None = None
    """Before a search: the query to send instead of the library's, for a further page. After it:
    that of the page that follows.
    """
    is_answered: bool = False
    is_cancelled: bool = False
    """Set by whoever does not wait any more: the thread ends at the next opportunity."""


current_exchange: ContextVar[Exchange | None] = ContextVar("current_exchange", default=None)
"""The exchange of the call that runs in this thread."""


def terms_wanted(*, has_token: bool) -> RepositoryGated:
    if has_token:
        return RepositoryGated(
            "Your account has not been let in yet: the publisher wants terms accepted.",
            "Open its page on the Hub and accept them there, then try again.",
        )
    return RepositoryGated(
        "Its publisher wants you to accept terms before it can be downloaded.",
        f"Open its page on the Hub, accept them there, then enter {_EXPLAINED} in Settings.",
    )


def refusal_by_status(status: int, retry_after: str | None = None) -> PlaygroundError:
    """Return what to say of an answer the protocol has no name for."""
    if status == 401:
        return HubTokenRefused(
            "The Hub does not accept your access token.",
            "Copy it from your account on huggingface.co once more, and enter it in Settings.",
        )
    if status == 403:
        return HubFailed(
            "The Hub refuses this.", "Your access token may not have the right to read it."
        )
    if status == 429:
        seconds = wait_s(retry_after)
        wait = "a few minutes" if seconds is None else wait_words(seconds)
        return HubFailed("The Hub has been asked too often for now.", f"Try again in {wait}.")
    if status >= 500:
        return HubFailed(f"The Hub has a fault of its own ({status}).", "Try again later.")
    return HubFailed(f"The Hub answered with {status}.")


def answer_unreadable() -> HubFailed:
    return HubFailed("The Hub's answer cannot be read.", "Try again later.")


def no_answer(host: str) -> HubFailed:
    return HubFailed(f"The Hub ({host}) does not answer.")
