"""When to ask which BMC, and what silence means."""
