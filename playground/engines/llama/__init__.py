"""The parent's side of the local engine: the worker process and its protocol."""
