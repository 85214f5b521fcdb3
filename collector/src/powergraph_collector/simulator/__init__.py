"""BMCs that answer on the wire, for the demo and the tests."""
