"""The GGUF model files on this computer: scanned, read, cached, watched."""
