"""The list of models a provider offers, read without trusting its shape."""

from typing import Any

from playground.core.errors import EngineError, StreamInvalid
from playground.core.targets import CloudModel, Provider
from playground.engines.openai.client import ProviderConnection, Timeouts
from playground.engines.openai.errors import ErrorTranslator

MODEL_LIMIT = 5000
_ID_LIMIT = 200
_CONTEXT_FIELDS = ("context_length", "context_window", "max_context_length", "max_model_len")


async def fetch_models(
    provider: Provider, key: str | None, timeouts: Timeouts
) -> tuple[CloudModel, ...]:
    """Return what `GET /models` lists, by id; raises the errors a run would."""
    errors = ErrorTranslator(provider.name, provider.base_url, key, timeouts)
    connection = ProviderConnection(provider.base_url, key, timeouts)
    try:
        payload = await connection.client.get("/models", cast_to=object)
    except EngineError:
        raise
    except Exception as error:
        translated = errors.translate(error)
        if translated is None:
            raise
        # the cause holds the request, and with it the key
        raise translated from None
    finally:
        await connection.close()
    entries = _entries(payload)
    if entries is None:
        raise StreamInvalid(f"{provider.name} sent something that is no list of models.")
    return models_in(provider, entries)


def models_in(provider: Provider, entries: list[Any]) -> tuple[CloudModel, ...]:
    """Return the models of a list whose entries are objects or plain names, each once."""
    found: dict[str, CloudModel] = {}
    for entry in entries[:MODEL_LIMIT]:
        data = entry if isinstance(entry, dict) else {"id": entry}
        name = next((data[n] for n in ("id", "name") if isinstance(data.get(n), str)), "").strip()
        if name and len(name) <= _ID_LIMIT and name.isprintable():
            found.setdefault(name, CloudModel(provider.id, name, _context(data)))
    return tuple(found[name] for name in sorted(found, key=str.lower))


def _entries(payload: object) -> list[Any] | None:
    if isinstance(payload, dict):
        payload = next((payload[n] for n in ("data", "models") if n in payload), None)
    return payload if isinstance(payload, list) else None


def _context(data: dict[str, Any]) -> int | None:
    for name in _CONTEXT_FIELDS:
        value = data.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31:
            return value
    return None
