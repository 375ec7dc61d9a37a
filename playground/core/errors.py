"""Everything that can go wrong for a person, each with a sentence and what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An error as a value: what is shown, stored and exported."""

    kind: str
    """Name of the class in this module, for example `RateLimited`."""
    message: str
    hint: str


class PlaygroundError(Exception):
    """The environment failed, and a person can be told how; anything else is a bug."""

    default_hint = ""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint

    @property
    def kind(self) -> str:
        """Name of the error in the interface's contracts."""
        return type(self).__name__

    def info(self) -> ErrorInfo:
        """Return the error as a plain value."""
        return ErrorInfo(self.kind, self.message, self.hint)


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

    default_hint = "Use an address that starts with https://."


class StorageFailed(PlaygroundError):
    """Something could not be written to or read from disk."""

    default_hint = "Check the free space on the disk and the rights on the folder."


class NotAvailable(PlaygroundError):
    """An optional part is not installed."""


def kinds() -> dict[str, type[PlaygroundError]]:
    """Return every error class by its name."""
    found: dict[str, type[PlaygroundError]] = {}
    queue = [PlaygroundError]
    while queue:
        cls = queue.pop()
        found[cls.__name__] = cls
        queue.extend(cls.__subclasses__())
    return found
