"""What answers are expected to be: read, held against them, and kept in files of prompts."""
