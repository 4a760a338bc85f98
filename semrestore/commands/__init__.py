"""The command lines' work; the files in ``tools/`` only call it."""
