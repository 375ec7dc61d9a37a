"""The main window around the pages: rail, status bar, page stack."""
