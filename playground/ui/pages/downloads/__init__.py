"""The Downloads page: what is being fetched, how far it is, and what is ready to run."""
