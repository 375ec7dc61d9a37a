"""Everything that can go wrong for a person, each with a sentence and what to do about it."""

import errno
from dataclasses import dataclass

from playground.core.characters import whole_characters


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An error as a value: what is shown, stored and exported."""

    kind: str
    """Name of the class in this module, for example `RateLimited`."""
    message: str
    hint: str
    retry_after_s: float | None = None
    """How long to wait before asking again, where the provider says so."""


class PlaygroundError(Exception):
    """The environment failed, and a person can be told how; anything else is a bug."""

    default_hint = ""
    retry_after_s: float | None = None
    """How long to wait before asking again, where that is known."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        # servers, file names and chat templates bring half characters into a sentence
        self.message = whole_characters(message)
        super().__init__(self.message)
        self.hint = self.default_hint if hint is None else whole_characters(hint)

    @property
    def kind(self) -> str:
        """Name of the error in the interface's contracts."""
        return type(self).__name__

    def info(self) -> ErrorInfo:
        return ErrorInfo(self.kind, self.message, self.hint, self.retry_after_s)


class UsageError(PlaygroundError):
    """What was asked makes no sense; the command line exits 2."""


class EngineError(PlaygroundError):
    """A run could not be finished."""


class ModelLoadFailed(EngineError):
    """The model file could not be loaded."""

    default_hint = "The file may be damaged or made for a newer version. Try another model."


class ModelFileInvalid(ModelLoadFailed):
    """The file is not a readable GGUF model."""

    default_hint = "Download the file again."


class ModelUnsupported(ModelLoadFailed):
    """The file is whole, but this version of llama.cpp cannot load it."""

    default_hint = "Look for another version of this model, or for a newer one of this program."


class NotAChatModel(ModelLoadFailed):
    """The file is whole, but what it holds does not answer."""

    default_hint = "Choose a chat model."


class OutOfMemory(EngineError):
    """The model needs more memory than there is."""

    default_hint = "Choose a smaller model or a shorter context, or close other programs."


class ContextOverflow(EngineError):
    """The prompt is longer than the context."""

    default_hint = "Shorten the prompt, or give the model a larger context in its settings."


class WorkerCrashed(EngineError):
    """The process that holds the model ended or stopped answering."""

    default_hint = "Run it again: the model is loaded afresh. What was written so far is kept."


class TemplateFailed(EngineError):
    """The model's own chat format could not be applied."""

    default_hint = "Try it without a system prompt, or use another version of this model."


class AuthenticationFailed(EngineError):
    """The provider refused the key."""

    default_hint = "Check the key on the Providers page."


class PermissionRefused(EngineError):
    """The key is right but may not do this."""

    default_hint = "Check what your account with this provider may use."


class KeyMissing(AuthenticationFailed):
    """No key is known for a provider that needs one."""

    default_hint = "Enter a key on the Providers page."


class ModelNotFound(EngineError):
    """The provider or this computer has no such model."""

    default_hint = "Choose another model: the list may have changed."


class RequestRejected(EngineError):
    """The provider did not accept the request."""

    default_hint = "Try it with the default answer settings."


class RateLimited(EngineError):
    """Too many requests for now."""

    default_hint = "Wait a moment and run it again."


class QuotaExceeded(EngineError):
    """The account has no credit left."""

    default_hint = "Check the balance of your account with this provider."


class ConnectionFailed(EngineError):
    """The provider could not be reached, or the connection broke."""

    default_hint = "Check the internet connection and the provider's address."


class TimedOut(ConnectionFailed):
    """The provider did not answer in time."""


class ProviderFailed(EngineError):
    """The provider reported a fault of its own."""

    default_hint = "This is a fault on the provider's side. Try again later."


class StreamInvalid(ProviderFailed):
    """What came back is not an answer stream."""

    default_hint = "Check the provider's address: something else answered there."


class StreamEmpty(StreamInvalid):
    """The stream ended without a single chunk."""


class StreamMalformed(StreamInvalid):
    """A chunk could not be read."""

    default_hint = "What arrived before the fault is kept. Try again."


class StreamTruncated(StreamInvalid):
    """The stream ended before the answer was finished."""

    default_hint = "What arrived is kept. Try again."


class AddressRefused(PlaygroundError):
    """The provider's address is not safe to send a key to."""


class HubFailed(PlaygroundError):
    """The Hugging Face Hub could not be asked, or did not answer as it should."""

    default_hint = "Check the internet connection, and the Hub's address in Settings."


class Offline(HubFailed):
    """Offline mode is on: nothing leaves this computer."""

    default_hint = "Turn offline mode off in Settings to reach the Hub."


class RepositoryNotFound(HubFailed):
    """The Hub has no such repository, revision or file, or does not show it to this account."""

    default_hint = "Check the name. A private one needs a token: enter it in Settings."


class RepositoryGated(HubFailed):
    """Its publisher wants terms to be accepted before a file is given out."""

    default_hint = "Open its page, accept the terms, then enter your token in Settings."


class HubTokenRefused(HubFailed):
    """The Hub does not accept the token."""

    default_hint = "Enter a valid token in Settings."


class DownloadFailed(PlaygroundError):
    """A file could not be fetched; what has arrived is kept."""

    default_hint = "Try again: it goes on where it stopped."


class DiskFull(DownloadFailed):
    """There is no room left for what is to be written."""

    default_hint = "Free some space, then resume: nothing is lost."


class ChecksumWrong(DownloadFailed):
    """What arrived is not what the Hub says it should be."""

    default_hint = "Fetch it again."


class StorageFailed(PlaygroundError):
    """Something could not be written to or read from disk."""

    default_hint = "Check the free space on the disk and the rights on the folder."


class HomeUnusable(StorageFailed):
    """The program has no folder for its own files; the command line exits 2."""

    default_hint = "Set PLAYGROUND_HOME to a folder that can be written to."


class SystemRefused(PlaygroundError):
    """The system has no more of something that the program needs."""


class NotAvailable(PlaygroundError):
    """An optional part is not installed."""


_REFUSALS = {
    errno.EMFILE: ("Too many files are open", "Let the program open more (ulimit -n)."),
    errno.ENFILE: ("Too many files are open", "Close other programs."),
    errno.ENOSPC: ("The disk is full", "Make room and try again."),
    errno.EDQUOT: ("Your share of the disk is full", "Make room and try again."),
    errno.EFBIG: ("A file may not grow any further", "Raise the limit on the size of files."),
    errno.EROFS: ("The disk is read-only", "Make it writable and try again."),
    errno.EIO: ("The disk reported an error", "Check the disk."),
    errno.ENOMEM: ("There is not enough memory", "Close other programs."),
}
"""What the system says when it has no more of something, in words and what to do about it."""
_OF_A_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})


def explained(error: BaseException) -> BaseException:
    """Return `error`, or the `SystemRefused` that it comes from and that a person can be told."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(error, PlaygroundError):
        if isinstance(seen, OSError) and seen.errno in _REFUSALS:
            message, hint = _REFUSALS[seen.errno]
            # which file was one too many says nothing
            is_named = isinstance(seen.filename, str) and seen.errno in _OF_A_DISK
            where = f": {seen.filename}" if is_named else ""
            return SystemRefused(f"{message}{where}.", hint)
        seen = seen.__cause__ or seen.__context__
    return error


def kinds() -> dict[str, type[PlaygroundError]]:
    """Return every error class by its name."""
    found: dict[str, type[PlaygroundError]] = {}
    queue = [PlaygroundError]
    while queue:
        cls = queue.pop()
        found[cls.__name__] = cls
        queue.extend(cls.__subclasses__())
    return found
