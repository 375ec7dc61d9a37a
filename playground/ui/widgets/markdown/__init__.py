"""Markdown of answers and model cards, shown while it is being written."""
