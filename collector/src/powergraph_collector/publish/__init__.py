"""The files that the page reads."""
