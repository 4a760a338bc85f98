"""Weights in files: read them safely, fit them into networks, find the published ones, build a denoiser from them."""
