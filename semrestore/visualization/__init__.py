"""Draw pictures of results."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from semrestore.visualization.corruption_map import draw_corruption_map
    from semrestore.visualization.matrix import draw_matrix
    from semrestore.visualization.panel import Tile, panel_array, save_panel

__all__ = ['Tile', 'draw_corruption_map', 'draw_matrix', 'panel_array', 'save_panel']

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        'corruption_map': ['draw_corruption_map'],
        'matrix': ['draw_matrix'],
        'panel': ['Tile', 'panel_array', 'save_panel'],
    },
)
