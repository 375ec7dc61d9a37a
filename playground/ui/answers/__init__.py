"""Panes of answers and their figures, shared by Compare and History."""
