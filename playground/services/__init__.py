"""What the program can do, without a window; asyncio, no Qt."""
