"""The History page: what was compared before, found again, read, judged, replayed."""
