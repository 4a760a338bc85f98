"""Check Markdown pages: sentences of at most 30 words, British spelling, lines of code of at most 88 characters."""

import argparse
import re
import sys
from pathlib import Path

import codespell_lib

MOST_WORDS = 30  # up to a full stop, colon or semicolon
WIDEST_CODE = 88
FENCE = re.compile(r'^ *(```|:::+)(\w*).*?^ *\1', re.DOTALL | re.MULTILINE)
NOT_PROSE = re.compile(r'^ *(\||#|<!--|!\[).*$|^(?= *([-*]|\d+\.) )', re.MULTILINE)  # a list's items start anew
DICTIONARY = Path(codespell_lib.__file__).parent / 'data/dictionary_en-GB_to_en-US.txt'
PAIRS = re.findall(r'^(\w+)->(\w+)$', DICTIONARY.read_text(encoding='utf-8'), re.MULTILINE)
BRITISH = {american: british for british, american in PAIRS}
for word in ('disk', 'disks', 'license', 'optimizer', 'practice', 'program', 'programs', 'story'):
    BRITISH.pop(word, None)  # of the field, or British as well


def findings(text: str) -> list[str]:
    """Return what is wrong with a page, one line for each finding."""
    code = [line for block in FENCE.finditer(text) if block[2] in ('python', 'bash') for line in block[0].splitlines()]
    found = [f'{len(line)} characters: {line.strip()}' for line in code if len(line) > WIDEST_CODE]
    prose = re.sub(r'`[^`]*`|\]\([^)]*\)', ' X ', NOT_PROSE.sub('\n\n', FENCE.sub('\n\n', text)))
    for sentence in re.split(r'(?<=[.!?:;])[)*"]*\s+|\n\s*\n', prose):
        words = re.findall(r"[^\W\d_][\w'-]*", sentence)
        if len(words) > MOST_WORDS:
            found.append(f'{len(words)} words: {" ".join(sentence.split())}')
        found += [f"'{word}' instead of '{BRITISH[word.lower()]}'" for word in words if word.lower() in BRITISH]
    return found


if __name__ == '__main__':
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='example:\n  python tools/dev/prose.py README.md docs/*.md',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('pages', nargs='*', type=Path, metavar='PAGE', help='Markdown page to check')
    pages = parser.parse_args().pages
    lines = [f'{page}: {one}' for page in pages for one in findings(page.read_text(encoding='utf-8'))]
    sys.exit('\n'.join(lines) or 0)
