"""What outlives the program: history, settings, secrets."""
