"""Serve the page on which raters rank, and its requests."""

import pathlib
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Header, HTTPException, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from projects.rating.images import MethodFolders
from projects.rating.store import Item, Store

LONGEST_BODY = 4096  # bytes; an answer has some fifty

Score = Annotated[int, Field(strict=True, ge=1, le=26)]

Position = Annotated[int, Path(gt=-(2**31), lt=2**31)]  # SQLite's integers end somewhere


class Answer(BaseModel):
    """The scores of an item's places on the page, ``null`` where there is none yet."""

    model_config = ConfigDict(extra='forbid')
    scores: Annotated[list[Score | None], Field(max_length=26)]


def from_the_page(
    host: Annotated[str, Header()] = '',
    origin: Annotated[str | None, Header()] = None,
    sec_fetch_site: Annotated[str | None, Header()] = None,
) -> None:
    """Refuse requests that a browser sends for another site's page.

    Without encryption browsers leave ``Sec-Fetch-Site`` out; behind a proxy the host may be another than what they
    asked for.
    """
    if sec_fetch_site == 'cross-site' or (
        sec_fetch_site is None and origin is not None and urlsplit(origin).netloc != host
    ):
        raise HTTPException(403, "only the study's own page answers for a rater")


def build(folders: MethodFolders, store: Store) -> FastAPI:
    """Return the application.

    Raters are told apart by names that nobody can guess; which method is at which place is never sent.
    """
    page = (pathlib.Path(__file__).parent / 'page.html').read_text(encoding='utf-8')
    application = FastAPI(title='semrestore rating', docs_url=None, redoc_url=None, openapi_url=None)
    application.add_middleware(ShortBodies)

    @application.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        # FastAPI's own would send back what came in, which need not be text.
        return JSONResponse(dict(detail='expected {"scores": [...]}, one whole number or null a place'), 422)

    def item(rater: str, position: int) -> Item:
        items = store.items(rater)
        if not 0 <= position < len(items):
            raise HTTPException(404, 'no such rater or image')
        return items[position]

    @application.get('/', response_class=HTMLResponse)
    def index() -> str:
        return page

    @application.post('/api/raters', status_code=201, dependencies=[Depends(from_the_page)])
    def add_rater() -> dict:
        return dict(rater=store.add_rater())

    @application.get('/api/raters/{rater}')
    def progress(rater: str) -> dict:
        items = store.items(rater)
        if not items:
            raise HTTPException(404, 'no such rater')
        return dict(items=[one.scores for one in items])

    @application.put('/api/raters/{rater}/items/{position}', dependencies=[Depends(from_the_page)])
    def answer(rater: str, position: Position, given: Answer) -> dict:
        try:
            known = store.answer(rater, position, given.scores)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        if not known:
            raise HTTPException(404, 'no such rater or image')
        return dict(scores=given.scores)

    @application.get('/api/raters/{rater}/items/{position}/{place}.png')
    def image(rater: str, position: Position, place: int) -> Response:
        one = item(rater, position)
        if not 0 <= place < len(one.methods):
            raise HTTPException(404, 'no such place')
        headers = {'Cache-Control': 'private, max-age=86400'}
        return Response(folders.png(one.methods[place], one.image), media_type='image/png', headers=headers)

    return application


class ShortBodies:
    """Refuse requests longer than :data:`LONGEST_BODY`, which FastAPI would first collect in memory.

    Args:
        app: The application behind it.
    """

    def __init__(self, app) -> None:
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        """Count what is received, whatever length was declared."""
        received = 0

        async def counted() -> dict:
            nonlocal received
            message = await receive()
            received += len(message.get('body', b''))
            if received > LONGEST_BODY:
                raise HTTPException(413, f'an answer has at most {LONGEST_BODY} bytes')
            return message

        await self.app(scope, counted, send)
