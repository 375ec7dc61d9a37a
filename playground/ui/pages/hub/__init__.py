"""The Get models page: search the Hub, see what would run here, and fetch it."""
