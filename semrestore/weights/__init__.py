"""Read weights safely, fit them into networks, find the published ones, and build denoisers."""
