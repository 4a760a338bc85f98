"""Configs: loaded from files, checked, put on the embedded photos."""

from semrestore.config.load import load_config

__all__ = ['load_config']
