"""Where watts come from: a folder a source, and what all of them have in common."""
