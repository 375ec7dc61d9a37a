"""The Providers page: cloud services and servers of one's own."""
