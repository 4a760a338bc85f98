"""Pictures of results."""

from semrestore.visualization.matrix import draw_matrix
from semrestore.visualization.panel import Tile, save_panel

__all__ = ['Tile', 'draw_matrix', 'save_panel']
