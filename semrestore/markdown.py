"""Write tables and fill in pages, in Markdown."""

import re
from collections.abc import Callable, Iterable, Sequence


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[object]], align: str = 'lr') -> str:
    """Return a table.

    Args:
        heads: The columns' titles.
        rows: The cells of each row.
        align: ``l`` or ``r`` for each column. The last letter stands for all columns that follow.

    >>> print(markdown_table(['network', 'PSNR', 'SSIM'], [['DnCNN', 30.1, 0.9]]))
    | network | PSNR | SSIM |
    | --- | ---: | ---: |
    | DnCNN | 30.1 | 0.9 |
    """
    rules = ['---:' if side == 'r' else '---' for side in align.ljust(len(heads), align[-1])]
    return '\n'.join(f'| {" | ".join(map(str, cells))} |' for cells in (heads, rules, *rows))


def filled(page: str, kind: str, block: Callable[..., str]) -> str:
    """Return a page with the text between ``<!-- KIND: WORDS -->`` and ``<!-- end -->`` replaced.

    Args:
        page: The page.
        kind: Which blocks to fill.
        block: Takes a block's words and returns its text.

    >>> print(filled('<!-- sum: 1 2 -->old<!-- end -->', 'sum', lambda a, b: f'{a} + {b} = 3'))
    <!-- sum: 1 2 -->
    <BLANKLINE>
    1 + 2 = 3
    <BLANKLINE>
    <!-- end -->
    """
    return re.sub(
        rf'(<!-- {kind}: (.+?) -->).*?(<!-- end -->)',
        lambda match: f'{match[1]}\n\n{block(*match[2].split())}\n\n{match[3]}',
        page,
        flags=re.DOTALL,
    )
