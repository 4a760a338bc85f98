"""Pictures of results."""

from semrestore.visualization.matrix import draw_matrix
from semrestore.visualization.panel import Tile, panel_array, save_panel

__all__ = ['Tile', 'draw_matrix', 'panel_array', 'save_panel']
