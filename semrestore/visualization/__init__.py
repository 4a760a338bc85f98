"""Pictures of results."""

from semrestore.visualization.panel import Tile, save_panel

__all__ = ['Tile', 'save_panel']
