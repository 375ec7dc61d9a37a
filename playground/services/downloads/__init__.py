"""Downloads from the Hub: the queue, ranged transfers, partial files."""
