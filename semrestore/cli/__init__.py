"""The commands: they parse options and print; the work is done by the rest of the package."""
