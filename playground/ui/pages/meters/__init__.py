"""The Live use page: large charts of what this computer does."""
