"""Who failed on the way to a host: the proxy, the certificates, the name, or the host itself."""

import errno
import re
import socket
import ssl
import tomllib
from collections.abc import Iterator
from functools import cache

from playground.core.urls import host_of
from playground.network.routes import NetworkFailed, Proxy, certificate_source
from playground.resources import resource

_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
_NO_TLS = re.compile(r"WRONG_VERSION_NUMBER|HTTP_REQUEST|RECORD_LAYER|PACKET_LENGTH", re.IGNORECASE)
_WANTS_LOGIN = re.compile(r"\b407 |but got|username/password|authenti", re.IGNORECASE)
_TUNNEL_STATUS = re.compile(r"(?:Tunnel connection failed: )?([345]\d\d)\b")
"""As httpcore2 and http.client tell it."""
_CERTIFICATE_FAULTS = {
    10: "has expired",
    18: "is not signed by anybody this computer trusts",
    19: "is not signed by anybody this computer trusts",
    20: "is not signed by anybody this computer trusts",
    62: "was made for another name",
    64: "was made for another name",
}
"""OpenSSL's `X509_V_ERR_…`, in words."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and everything that led to it, members of groups included."""
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop(0)
        if current is None or current in seen:
            continue
        seen.append(current)
        yield current
        waiting += [current.__cause__ or current.__context__]
        waiting += current.exceptions if isinstance(current, BaseExceptionGroup) else []


def explain(
    error: BaseException, host: str, proxy: Proxy | None, *, is_at_proxy: bool
) -> NetworkFailed | None:
    """Return who failed; `None` for silence and for a connection that broke later.

    `host` is host and port; `is_at_proxy` is True until the proxy has led through to it.
    """
    chain = tuple(causes(error))
    if proxy is not None and is_at_proxy:
        return _of_proxy(chain, host, proxy)
    through = "" if proxy is None else f" The connection goes through the proxy {proxy.name}."
    for cause in chain:
        if isinstance(cause, ssl.SSLError):
            message, hint = _of_tls(cause, host)
            return NetworkFailed(message, f"{hint}{through}")
        if isinstance(cause, socket.gaierror):
            return _of_name(cause, host)
        if isinstance(cause, ConnectionRefusedError):
            return NetworkFailed(
                f"Nothing answers at {host}.", "Check the address, and that it is running."
            )
        if isinstance(cause, OSError) and cause.errno in _NO_ROUTE:
            return NetworkFailed(
                f"{host} cannot be reached from here.", "Check the network connection."
            )
    return None


def _of_proxy(chain: tuple[BaseException, ...], host: str, proxy: Proxy) -> NetworkFailed:
    name = proxy.name
    hint = f"It is named in {proxy.source}: correct it there, or ask who looks after your network."
    said = " ".join(str(cause) for cause in chain)
    for cause in chain:
        if isinstance(cause, socket.gaierror):
            return NetworkFailed(f"The name of the proxy {name} is not known.", hint)
        if isinstance(cause, ConnectionRefusedError):
            return NetworkFailed(f"Nothing answers at the proxy {name}.", hint)
        if isinstance(cause, ssl.SSLError):
            return NetworkFailed(f"No secure connection to the proxy {name} was possible.", hint)
        if isinstance(cause, OSError) and cause.errno in _NO_ROUTE:
            return NetworkFailed(f"The proxy {name} cannot be reached from here.", hint)
    if _WANTS_LOGIN.search(said):
        if proxy.auth is not None:
            return NetworkFailed(f"The proxy {name} does not accept this name and password.", hint)
        return NetworkFailed(
            f"The proxy {name} wants a name and a password.",
            f"Write them before its address in {proxy.source}: name:password@{name}.",
        )
    kinds = " ".join(type(cause).__name__ for cause in chain)
    if "Timeout" in kinds:
        return NetworkFailed(f"The proxy {name} does not answer.", hint)
    for cause in chain:
        if status := _TUNNEL_STATUS.match(str(cause)):
            said = f"The proxy {name} does not lead to {host}: it answers {status[1]}."
            return NetworkFailed(said, hint)
    if re.search(r"could not connect|0x0[1-8]:", said):
        return NetworkFailed(f"The proxy {name} cannot reach {host}.", hint)
    return NetworkFailed(f"What answers at the proxy {name} is no proxy of this kind.", hint)


def _of_name(error: socket.gaierror, host: str) -> NetworkFailed:
    is_connected = "Is this computer connected to the internet?"
    if error.errno == socket.EAI_AGAIN or _is_our_own(host):
        # nothing can be looked up, or the name is none that a person has written
        return NetworkFailed(
            f"The name {_without_port(host)} could not be looked up.", is_connected
        )
    return NetworkFailed(
        f"The address {host} is not known.",
        f"{is_connected} If it is, check how the address is written.",
    )


def _without_port(host: str) -> str:
    return host.rpartition(":")[0] or host


def _is_our_own(host: str) -> bool:
    """Return True for a host that this program names: the Hub's, and those of known providers."""
    name = _without_port(host).lower()
    return name in _provider_hosts() or name.endswith(_HUB_HOSTS) or f".{name}" in _HUB_HOSTS


_HUB_HOSTS = (".huggingface.co", ".hf.co")


@cache
def _provider_hosts() -> frozenset[str]:
    with resource("providers.toml").open("rb") as file:
        presets = tomllib.load(file).values()
    return frozenset(host_of(preset["base_url"]) for preset in presets)


def _of_tls(error: ssl.SSLError, host: str) -> tuple[str, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        fault = _CERTIFICATE_FAULTS.get(error.verify_code, "is not trusted on this computer")
        hint = "Check the address. In a company network, its own certificate may have to be added."
        if source := certificate_source():
            hint = f"Only the certificates that {source} names are trusted now. Check the address."
        return f"The certificate of {host} {fault}.", hint
    if _NO_TLS.search(f"{error.reason} {error}"):
        return (
            f"What answers at {host} does not encrypt: it speaks http.",
            "If it is yours, write its address with http:// instead of https://.",
        )
    return f"No secure connection to {host} was possible.", "Check the address."
