"""What `/metrics` tells Prometheus: figures kept as they come, read when asked for."""
