"""The page, by Gradio: a photo, the same photo restored, and what a network sees in both."""

import html
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from semrestore.app.trial import NOISES, Limits, Restored, Segments, Trial, installed_networks, named_network
from semrestore.errors import UserError, first_line
from semrestore.weights.zoo import DEFAULT, PURPOSES, published

__all__ = ['build_page', 'launch_options', 'open_page']

SHOWN_SIDE = 1600
"""Pixels on the longer side of a photo on the page; the file to download has the full size."""

PART_SIDE = 320
"""Side in pixels of the photo's middle, which the page shows about pixel by pixel."""

NO_NETWORK = 'none'
SWEEP_SECONDS, KEPT_SECONDS = 300, 3300
"""How often Gradio looks for photos that are older than the second number. It keeps a photo for an hour at most."""

QUEUE = 20
"""Visitors who may wait."""

INTRODUCTION = """# Try a denoiser
Choose a photo and add noise to it, or take it as it is. The page shows the restored photo, and what a network sees in
it before and after.
"""
CSS = '.gradio-container { max-width: 1200px !important; margin: auto; } footer { display: none !important; }'

SCROLL = "() => document.getElementById('results').scrollIntoView({ behavior: 'smooth' })"
"""On a phone the results are below the visible part of the page."""


def build_page(trial: Trial, networks: Sequence[str] = ()) -> Any:
    """Return the page as ``gradio.Blocks``.

    Args:
        trial: Does the work.
        networks: Networks to choose from, the first by default, as :meth:`Trial.look` takes them. If there are none,
            the page offers those whose weights are installed.

    Raises:
        UserError: Gradio is not installed, or a network does not exist.
    """
    gr = _gradio()
    for name in networks:
        named_network(name)
    networks = [*(networks or installed_networks()), NO_NETWORK]
    examples = example_photos()
    with gr.Blocks(title='semrestore', analytics_enabled=False, delete_cache=(SWEEP_SECONDS, KEPT_SECONDS)) as page:
        gr.Markdown(INTRODUCTION)
        with gr.Row(equal_height=False):
            with gr.Column(min_width=300):
                file = gr.File(label=f'Photo, at most {trial.limits.megapixels:g} megapixels', height=180)
                gr.Examples([[str(path)] for path in examples], file, label='Or one of these')
            with gr.Column(min_width=300):
                kinds = [(label, kind) for kind, label in NOISES.items()]
                noise = gr.Radio(kinds, value='white', label='Noise to add')
                level = gr.Slider(0, 100, 30, step=1, label='Its standard deviation, on 0..255')
                shrink = gr.Checkbox(
                    label='Shrink a larger photo first',
                    info='Networks look at 224 to 320 pixels: in a large photo they hardly see the noise.',
                )
            with gr.Column(min_width=300):
                weights = gr.Dropdown(_weights(), value=DEFAULT, label='Denoiser')
                network = gr.Dropdown(networks, value=networks[0], label='Network that looks at it')
                button = gr.Button('Restore', variant='primary')
        with gr.Column(visible=False, elem_id='results') as results:
            summary = gr.Markdown()
            with gr.Row(equal_height=False):
                whole = gr.ImageSlider(label='Before and after', format='png', buttons=['fullscreen'], scale=2)
                with gr.Column(min_width=300):
                    part = gr.ImageSlider(label='Its middle', format='png', buttons=['fullscreen'])
                    download = gr.DownloadButton('Download the restored photo')
            with gr.Row(equal_height=False):
                titles = 'Seen in the clean photo', 'Seen before restoring', 'Seen in the restored photo'
                seen = [_View(title) for title in titles]
        noise.change(lambda kind: gr.Slider(interactive=kind != 'none'), noise, level, api_visibility='private')

        def show(*given: Any) -> list:
            return _show(trial, *given)

        outputs = [results, summary, whole, part, download, *(part for view in seen for part in view.parts)]
        inputs = [file, noise, level, shrink, weights, network]
        button.click(show, inputs, outputs, concurrency_limit=1, api_visibility='private').success(js=SCROLL)
    return page.queue(max_size=QUEUE)


def open_page(trial: Trial, networks: Sequence[str], host: str, port: int) -> tuple[Any, str]:
    """Serve the page without telemetry and without Gradio's tunnel, and return it with its address.

    Args:
        trial: Does the work.
        networks: As for :func:`build_page`.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.

    Raises:
        UserError: As for :func:`build_page`, or the page cannot listen on the address.
    """
    page = build_page(trial, networks)
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port or _free_port(host),
            quiet=True,
            prevent_thread_lock=True,
            **launch_options(trial.limits),
        )
    except (OSError, OverflowError):
        if port:
            raise UserError(f'port {port} on {host} is taken or not allowed. Choose another --port or --host') from None
        raise UserError(
            f"'{host}' is no address to listen on; expected one of this machine. Choose another --host"
        ) from None
    return page, address


def launch_options(limits: Limits) -> dict[str, Any]:
    """Return the arguments of the page's ``launch`` everywhere: without Gradio's tunnel, history and footer."""
    gr = _gradio()
    return dict(
        share=False,
        max_file_size=round(limits.megabytes * 1e6),
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        css=CSS,
        theme=gr.themes.Default(font=['system-ui', 'sans-serif'], font_mono=['monospace']),
    )


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as listening:
        return listening.getsockname()[1]


def example_photos() -> list[Path]:
    """Return photos of scikit-image and scikit-learn on which no published weights were trained."""
    from semrestore.datasets import EmbeddedPhotos

    photos = EmbeddedPhotos(split='val')
    return [Path(photos.get_data_info(index)['img_path']) for index in range(len(photos))]


def _gradio() -> Any:
    try:
        import gradio
    except ImportError as error:
        raise UserError(f"the page needs gradio ({first_line(error)}): pip install 'semrestore[app]'") from None
    return gradio


class _View:
    """Show what a network sees in one version of the photo: a list of classes or a map of them."""

    def __init__(self, title: str) -> None:
        gr = _gradio()
        with gr.Column(min_width=260) as column:
            classes = gr.Label(label=title)
            segments = gr.AnnotatedImage(label=title)
        self.parts = (column, classes, segments)


def _weights() -> list[tuple[str, str]]:
    """Return the published weights by a label that says what they are for."""
    purposes = {name: f' (for {purpose})' for purpose, name in PURPOSES.items()}
    return [(f'{name}{purposes.get(name, "")}', name) for name in published()]


def _show(
    trial: Trial, file: str | None, noise: str, level: float, shrink: bool, weights: str, network: str
) -> list[Any]:
    """Return the new values of the page's outputs."""
    gr = _gradio()
    try:
        if file is None:
            raise UserError('There is no photo yet. Choose a file, or one of the examples')
        done = trial.restore(file, noise, level, weights, shrink)
        versions = (done.clean, done.noisy, done.restored)
        seen = [None if network == NO_NETWORK or one is None else trial.look(network, one) for one in versions]
    except UserError as error:
        # Gradio takes the message for HTML.
        raise gr.Error(html.escape(str(error)), print_exception=False) from None
    pairs = [tuple(crop(one) for one in (done.noisy, done.restored)) for crop in (_shown, _middle)]
    views = [part for one in seen for part in _view(one)]
    return [gr.Column(visible=True), _summary(done, weights), *pairs, str(done.file), *views]


def _summary(done: Restored, weights: str) -> str:
    height, width = done.restored.shape[:2]
    text = f'{width} x {height} pixels, restored by `{weights}` in {done.seconds:.1f} s.'
    if done.quality:
        before, after = done.quality
        text += f' PSNR of the noisy photo {before:.1f} dB, of the restored one **{after:.1f} dB**.'
    return text


def _shown(image: np.ndarray) -> Image.Image:
    shown = Image.fromarray(image)
    shown.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    return shown


def _middle(image: np.ndarray) -> Image.Image:
    top, left = (max(0, (length - PART_SIDE) // 2) for length in image.shape[:2])
    return Image.fromarray(image[top : top + PART_SIDE, left : left + PART_SIDE])


def _view(seen: dict[str, float] | Segments | None) -> tuple:
    gr = _gradio()
    column = gr.Column(visible=seen is not None)
    if isinstance(seen, Segments):
        annotated = (seen.image, [(mask, name) for name, mask in seen.masks.items()])
        return column, gr.Label(visible=False), gr.AnnotatedImage(annotated, color_map=seen.colours, visible=True)
    return column, gr.Label(seen, visible=True), gr.AnnotatedImage(visible=False)
