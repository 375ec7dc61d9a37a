"""Local or cloud: an answer to a person's needs from their own evidence, with its reasons."""
