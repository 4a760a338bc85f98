"""Let people rank what several methods made of the same images, and report mean opinion scores (paper, Fig. 5).

`serve` opens a page on which each rater ranks some of the images, drawn anew for each rater, without names and in
random order. It listens only on this machine; --host 0.0.0.0 lets others in. Every click is stored in --db at once, so
a rater and the server can stop and continue. `report` writes the scores.

Example:
  python -m projects.rating serve --methods CBM3D=out/cbm3d joint=out/joint --db mos.sqlite
  python -m projects.rating report mos.sqlite --out work_dirs/mos
"""

import argparse
import json
import socket
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from semrestore.cli.options import add_dpi, count, new_parser
from semrestore.cli.run import run
from semrestore.errors import UserError
from semrestore.files import replacing, write_csv, write_text


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = new_parser(__doc__)
    commands = parser.add_subparsers(dest='subcommand', required=True)
    serve_parser = commands.add_parser('serve', help='open the page')
    serve_parser.add_argument(
        '--methods',
        nargs='+',
        required=True,
        metavar='NAME=DIR',
        help='folder of each method, with images of the same names',
    )
    serve_parser.add_argument(
        '--images', type=count, default=10, metavar='N', help='images that each rater ranks (default: 10)'
    )
    serve_parser.add_argument(
        '--db', type=Path, default=Path('mos.sqlite'), metavar='FILE', help='file of the study (default: mos.sqlite)'
    )
    serve_parser.add_argument(
        '--host', default='127.0.0.1', help='address to listen on (default: 127.0.0.1, only this machine)'
    )
    serve_parser.add_argument(
        '--port', type=int, default=8000, help='port to listen on; 0 takes a free one (default: 8000)'
    )
    report_parser = commands.add_parser('report', help='write mean scores, intervals, variances, agreement and a plot')
    report_parser.add_argument('db', type=Path, metavar='FILE', help='file of the study')
    report_parser.add_argument(
        '--out', type=Path, required=True, metavar='DIR', help='folder for mos.md, mos.json, mos.png, ratings.csv'
    )
    add_dpi(report_parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``python -m projects.rating``."""
    options = parse(arguments)
    (serve if options.subcommand == 'serve' else report)(options)


def serve(options: argparse.Namespace) -> None:
    """Serve the page until it is interrupted."""
    try:
        import uvicorn

        from projects.rating.server import build
    except ImportError as error:
        raise UserError(f"the page needs {error.name}. Install it: pip install 'semrestore[rating]'") from None
    from projects.rating.images import MethodFolders
    from projects.rating.store import Store

    folders = MethodFolders(_folders(options.methods))
    if not 1 <= options.images <= len(folders.names):
        raise UserError(f'--images is {options.images}; expected at most {len(folders.names)}, the number of images')
    listening = _listen(options.host, options.port)
    with listening:
        store = Store(options.db, folders.methods, folders.names, options.images)
        host, port = listening.getsockname()[:2]
        print(
            f'http://{"localhost" if host == "127.0.0.1" else host}:{port}/  (Ctrl+C stops; {options.db} keeps the'
            ' answers)',
            flush=True,
        )
        server = uvicorn.Server(uvicorn.Config(build(folders, store), log_level='warning'))
        server.run(sockets=[listening])


def report(options: argparse.Namespace) -> None:
    """Write what the raters found."""
    from projects.rating import report as results
    from projects.rating.store import Store

    store = Store(options.db)
    try:
        ratings = store.ratings()
    except (sqlite3.Error, ValueError, TypeError, LookupError) as error:
        raise UserError(f"'{options.db}' cannot be read as a study: {error}") from None
    if not ratings:
        raise UserError(f"'{options.db}' has no complete ranking yet")
    rows, alpha = results.table(ratings, store.methods), results.krippendorff_alpha(ratings)
    raters = len({row['rater'] for row in ratings})
    text = results.markdown(rows, alpha, raters)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        write_text(options.out / 'mos.md', text)
        document = dict(methods=rows, krippendorff_alpha=alpha, raters=raters)
        write_text(options.out / 'mos.json', json.dumps(document, indent=2, allow_nan=False) + '\n')
        write_csv(options.out / 'ratings.csv', ratings)
        with replacing(options.out / 'mos.png') as path:
            results.draw(rows, len(store.methods), path, options.dpi)
    except OSError as error:
        raise UserError(f"--out '{options.out}' cannot be written: {error}") from None
    print(text)
    print(f'{options.out}: mos.md, mos.json, mos.png, ratings.csv')


def _folders(texts: Sequence[str]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for text in texts:
        name, separator, folder = text.partition('=')
        if not name or not separator or not folder:
            raise UserError(f"--methods: '{text}' cannot be read; expected NAME=DIR")
        if name in folders:
            raise UserError(f"--methods names '{name}' twice")
        folders[name] = Path(folder)
    if len(folders) > 9:
        raise UserError(f'--methods has {len(folders)} methods; expected at most 9')
    return folders


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, or raise a clear error if the port is taken."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, OverflowError, UnicodeError) as error:
        raise UserError(f'--host {host} --port {port} cannot be used: {error}') from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
    except (OSError, OverflowError, UnicodeError) as error:
        listening.close()
        raise UserError(
            f'--host {host} --port {port} cannot be used: {error}. Choose another --port or --host'
        ) from None
    return listening


if __name__ == '__main__':
    sys.exit(run(main))
