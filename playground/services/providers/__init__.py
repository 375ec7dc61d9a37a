"""Cloud providers, their prices, and the practice cloud on this computer."""
