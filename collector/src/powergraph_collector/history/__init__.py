"""Keeping samples and events, and finding them again."""
