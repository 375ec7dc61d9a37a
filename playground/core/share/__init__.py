"""What leaves the program as a file: one document in several formats, and recordings."""
