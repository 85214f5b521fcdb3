"""The command lines: arguments in, exit code out."""
