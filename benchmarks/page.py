"""Fill the tables of the documents from results/benchmark/.

The program replaces the text between ``<!-- benchmark: NAME -->`` and ``<!-- end -->``. The new text is what ``table``
of the module ``benchmarks.NAME`` makes of ``results/benchmark/NAME.json``, or the sentence ``NOT_RUN`` if that file is
missing.
"""

import argparse
import importlib
import json
from pathlib import Path

from semrestore.markdown import filled

ROOT = Path(__file__).parents[1]
NOT_RUN = 'Nobody has run this benchmark yet.'


def main() -> None:
    """Write the pages."""
    argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python -m benchmarks.page',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    for path in sorted((ROOT / 'docs').glob('*.md')):
        text = path.read_text(encoding='utf-8')
        if (filled := page(text)) != text:
            path.write_text(filled, encoding='utf-8')
            print(f'wrote {path.relative_to(ROOT)}')


def page(text: str) -> str:
    """Return a page with its tables made anew."""
    return filled(text, 'benchmark', table)


def table(name: str) -> str:
    """Return the table of a benchmark."""
    module = importlib.import_module(f'benchmarks.{name}')
    result = ROOT / f'results/benchmark/{name}.json'
    if not result.is_file():
        return getattr(module, 'NOT_RUN', NOT_RUN)
    return module.table(json.loads(result.read_text(encoding='utf-8')))


if __name__ == '__main__':
    main()
