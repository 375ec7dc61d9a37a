"""GGUF headers: types, bounded parser, remote reading, names of files and quantizations."""
