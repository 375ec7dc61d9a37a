"""The composition root: builds the services, opens the window, adds the pages."""
