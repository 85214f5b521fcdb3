"""PowerGraph's collector: reads what servers draw from their BMCs, keeps it, and publishes it."""

__version__ = "0.1.0"
