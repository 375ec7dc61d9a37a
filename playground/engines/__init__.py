"""Things that answer a chat request; asyncio, no Qt."""
