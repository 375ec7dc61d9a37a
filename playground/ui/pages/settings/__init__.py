"""The Settings page: looks, comparisons, electricity, keys, files and versions."""
