"""The page “Local or cloud?”."""
