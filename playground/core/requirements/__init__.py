"""System requirements of a model: memory, layers, speed, compatibility."""
