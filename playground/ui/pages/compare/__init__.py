"""The Compare page: one prompt, several targets, side by side."""
