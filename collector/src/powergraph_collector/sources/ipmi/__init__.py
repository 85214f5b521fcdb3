"""Speaking to BMCs: messages, sessions, readings."""
