"""The engine for OpenAI-compatible APIs."""
