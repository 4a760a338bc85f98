"""Define the largest sizes and levels that are accepted."""

LARGEST_SIGMA = 1e6
"""Standard deviation of noise on 0..255. A larger one overflows half precision."""

LARGEST_DPI = 1200
"""Resolution of a picture that is drawn."""

LARGEST_PORT = 65535
"""Port of a page; TCP has 16 bits for it."""

LARGEST_RECORD = 2**16
"""Characters of the JSON record that a checkpoint carries."""

DEEPEST = 256
"""Layers, blocks or scales of one kind in a network. Checked where a network is built from a number in a file."""

MOST_SCALES = 8
"""Scales of the paper's denoiser: the coarsest has 1/128 of the image's side."""

LARGEST_SCALE = 8
"""How often the side of a photo is enlarged for training. Above that its pixels fill the memory."""

LARGEST_COUNT = 10**9
"""A number of images, threads or iterations on the command line."""

LONGEST_REASON = 1000
"""Characters of a library's error that are shown; some quote a whole config."""


def doubt(sigma: float) -> str:
    """Return a warning if a noise level on 0..255 looks like one on 0..1, or an empty text.

    >>> doubt(25), doubt(0)
    ('', '')
    """
    if not 0 < sigma < 1:
        return ''
    return f'sigma {sigma:g} is hardly any noise, because it is on 0..255. Do you mean {255 * sigma:g}?'
