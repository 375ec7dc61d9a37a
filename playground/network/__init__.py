"""The way to a host: which proxy and which certificates hold for an address, and who failed."""
