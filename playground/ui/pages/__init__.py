"""One package a page: its view and its presenter."""
