"""How a file is fetched: how many connections, how patient."""

from dataclasses import dataclass

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """How a file is fetched."""

    ranges: int = 4
    """Open ranges of one file."""
    chunk_bytes: int = 32 * _MIB
    """Bytes of one range; the next one takes the same connection."""
    stall_s: float = 30.0
    """Longest silence before a connection is given up."""
    retries: int = 8
    """Failures in a row, without a byte between them, after which the download has failed."""
    backoff_s: float = 1.0
    """Wait before the first new try; it doubles, up to `longest_backoff_s`."""
    longest_backoff_s: float = 30.0


DEFAULT_LIMITS = TransferLimits()
