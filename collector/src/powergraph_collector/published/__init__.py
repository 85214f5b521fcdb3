"""Reading what collectors publish, from any machine, over HTTP."""
