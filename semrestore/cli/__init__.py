"""Parse the commands' options and print their results. The rest of the package does the work."""
