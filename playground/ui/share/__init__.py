"""Share: what leaves, as it will be read, and the dialog that lets it go."""
