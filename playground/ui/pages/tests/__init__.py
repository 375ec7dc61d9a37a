"""Tests: sets of questions with checks, asked of several models at once."""
