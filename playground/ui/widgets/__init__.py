"""Small parts with no knowledge of services."""
