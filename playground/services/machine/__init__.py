"""What this computer has and does: memory, processors, graphics cards, live use."""
