"""Check the prose of Markdown pages: sentences of at most 35 words, British spelling, code lines of at most 88 characters.

    python tools/dev/prose.py README.md docs/*.md
"""

import re
import sys
from pathlib import Path

import codespell_lib

MOST_WORDS = 35
WIDEST_CODE = 88
FENCE = re.compile(r'^ *(```|:::+)(\w*).*?^ *\1', re.DOTALL | re.MULTILINE)
NOT_PROSE = re.compile(r'^ *(\||#|<!--|!\[).*$|^(?= *(?:[-*]|\d+\.) )', re.MULTILINE)  # tables, headings, pictures; items
DICTIONARY = Path(codespell_lib.__file__).parent / 'data/dictionary_en-GB_to_en-US.txt'
BRITISH = {
    american: british for british, american in re.findall(r'^(\w+)->(\w+)$', DICTIONARY.read_text('utf-8'), re.MULTILINE)
}
BOTH = {'license', 'practice', 'program', 'programs', 'meter', 'meters', 'disk', 'disks'}  # British words, too


def findings(text: str) -> list[str]:
    """Return what is wrong with a page."""
    found = [
        f'{len(line)} characters of code: {line.strip()}'
        for block in FENCE.finditer(text)
        if block[2] in ('python', 'bash')
        for line in block[0].splitlines()
        if len(line) > WIDEST_CODE
    ]
    prose = NOT_PROSE.sub('\n\n', FENCE.sub('\n\n', text))
    prose = re.sub(r'`[^`]*`|\]\([^)]*\)', ' X ', prose)
    for sentence in re.split(r'(?<=[.!?:;])[)*"]*\s+|\n\s*\n', prose):
        words = re.findall(r"[^\W\d_][\w'-]*", sentence)
        if len(words) > MOST_WORDS:
            found.append(f'{len(words)} words: {" ".join(sentence.split())}')
        found += [
            f'{word}: {BRITISH[word.lower()]}' for word in words if word.lower() in BRITISH and word.lower() not in BOTH
        ]
    return found


if __name__ == '__main__':
    lines = [f'{path}: {line}' for path in sys.argv[1:] for line in findings(Path(path).read_text('utf-8'))]
    sys.exit('\n'.join(lines))
