"""Cut patches of a small data set that is decoded in the device's memory."""

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.image import imresize, rescale_size
from mmengine.device import get_device
from mmengine.structures import BaseDataElement
from torch import Tensor
from torch.utils.data import get_worker_info

from semrestore.datasets.stream import StreamIndex, stream_seed
from semrestore.errors import UserError
from semrestore.limits import LARGEST_SCALE
from semrestore.registry import DATASETS, TRANSFORMS

KEPT = ('img_path', 'name', 'dataset_name')


@DATASETS.register_module()
class DeviceResidentPatches:
    """Cut random square patches in eight orientations on the device, from photos that stay there.

    All photos lie in one uint8 tensor (200 MB for BSDS432, times the square of a scale), and a batch is one gather from
    it. With :class:`~semrestore.datasets.StreamSampler` a patch follows from its place in the stream of training
    images, so resuming is exact and two processes take the steps of one. Crop, flips and packing are done here. There
    are no labels.

    Args:
        dataset: Config of a data set of photos, or one; its pipeline loads
            (:class:`~semrestore.datasets.LoadPhoto`) and may resize.
        patch_size: Side in pixels.
        scales: Factors by which to enlarge the photos (bicubic). Each photo is stored once for each factor, because a
            camera's photos at full resolution are smoother than those of most data sets. To shrink some, resize
            them in the pipeline of ``dataset`` (``mmcv.Resize`` with ``interpolation='area'``).
        colour: Config of a :class:`~semrestore.datasets.RandomColour` that changes each patch's colours.
        upright: Mirror patches, but do not turn them: for task networks, which know photos upright.
        seeded_noise: Draw each patch's noise from a generator of its own. ``False`` draws a batch's noise at once from
            the process's stream, which spares a GPU many small kernels and still resumes exactly; several processes
            then differ in their noise from one.
        device: Where the photos lie; by default where the training is.

    Raises:
        UserError: A photo is smaller than a patch, or worker processes would each hold the photos on a GPU.
    """

    def __init__(
        self,
        dataset: Any,
        patch_size: int,
        scales: Sequence[float] = (1.0,),
        colour: dict | None = None,
        upright: bool = False,
        seeded_noise: bool = True,
        device: str | None = None,
    ) -> None:
        if patch_size < 1:
            raise ValueError(f'patch_size is {patch_size}; expected at least 1')
        if not scales or not all(0 < scale <= LARGEST_SCALE for scale in scales):
            raise ValueError(f'scales is {scales}; expected numbers above 0, of at most {LARGEST_SCALE}')
        source = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
        self.patch_size = patch_size
        self.colour = TRANSFORMS.build(colour) if colour else None
        self.orientations = 0b010 if upright else 0b111
        self.seeded_noise = seeded_noise
        self.device = torch.device(device or get_device())
        self.metainfo = getattr(source, 'metainfo', {})
        photos = list(map(self._photo, (source[index] for index in range(len(source)))))
        self._sizes = [rescale_size(photo['img'].shape[1::-1], scale)[::-1] for scale in scales for photo in photos]
        self._names = [{key: photo[key] for key in KEPT if key in photo} for photo in photos] * len(scales)
        small = next((index for index, size in enumerate(self._sizes) if min(size) < patch_size), None)
        if small is not None:
            height, width = self._sizes[small]
            raise UserError(
                f"image '{photos[small % len(photos)]['img_path']}' is {height} x {width} (height x width),"
                f' smaller than a patch of {patch_size}. Use a smaller patch_size, or remove the image from the'
                ' list'
            )
        self._starts = [0, *torch.tensor([height * width for height, width in self._sizes]).cumsum(0).tolist()]
        self._pixels = torch.empty(self._starts[-1], 3, dtype=torch.uint8, device=self.device)
        for index, (height, width) in enumerate(self._sizes):
            image = photos[index % len(photos)]['img']
            if image.shape[:2] != (height, width):
                image = imresize(image, (width, height), interpolation='bicubic')
            self._pixels[self._starts[index] : self._starts[index + 1]] = torch.from_numpy(image).reshape(-1, 3)
        self._samples = [BaseDataElement(metainfo=names) for names in self._names]
        steps = torch.arange(patch_size, device=self.device)
        self._rows, self._columns = steps.view(1, -1, 1), steps.view(1, 1, -1)

    @staticmethod
    def _photo(photo: dict) -> dict:
        if 'img' not in photo:
            raise UserError(
                "the pipeline of DeviceResidentPatches' dataset has more than LoadPhoto; expected LoadPhoto"
                ' only, because DeviceResidentPatches crops and packs itself'
            )
        return photo

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> dict:
        """Return one patch; see :meth:`__getitems__`."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict]:
        """Return one dict for each index, with ``inputs``, a uint8 RGB patch ``(3, patch_size, patch_size)``.

        An index without a place in a training's stream gives the same patch each time.
        """
        if self.device.type != 'cpu' and get_worker_info() is not None:
            raise UserError(
                'DeviceResidentPatches keeps its photos on the GPU, which workers cannot share. Set'
                ' num_workers=0, persistent_workers=False'
            )
        seeds = [index.seed if isinstance(index, StreamIndex) else stream_seed(0, int(index)) for index in indices]
        patches = self._cut([self._corner(int(index), seed) for index, seed in zip(indices, seeds, strict=True)])
        if self.colour is not None:
            patches = self.colour.apply(patches, [seed ^ 2 for seed in seeds])  # 0 cuts the patch, 1 is for its noise
        return [
            dict(inputs=patch, data_samples=self._sample(int(index), seed))
            for patch, index, seed in zip(patches, indices, seeds, strict=True)
        ]

    def _corner(self, index: int, seed: int) -> tuple[int, int, int]:
        """Return where a patch begins in the tensor of all pixels, the step to the next row and to the next column."""
        height, width = self._sizes[index]
        # The seed is a hash, so its bits are random: 3 give the orientation, 30 each the row and the column.
        orientation, seed = seed & self.orientations, seed >> 3
        top = (seed & 0x3FFFFFFF) % (height - self.patch_size + 1)
        left = (seed >> 30) % (width - self.patch_size + 1)
        last = self.patch_size - 1
        row, column = width, 1
        start = self._starts[index] + top * width + left
        if orientation & 1:  # upside down
            start, row = start + last * row, -row
        if orientation & 2:  # mirrored
            start, column = start + last * column, -column
        if orientation & 4:  # transposed
            row, column = column, row
        return start, row, column

    def _cut(self, corners: list[tuple[int, int, int]]) -> Tensor:
        corner = torch.tensor(corners)
        if self.device.type == 'cuda':
            corner = corner.pin_memory().to(self.device, non_blocking=True)
        start, row, column = (corner[:, part].view(-1, 1, 1) for part in range(3))
        return self._pixels[start + row * self._rows + column * self._columns].permute(0, 3, 1, 2)

    def _sample(self, index: int, seed: int) -> BaseDataElement:
        if not self.seeded_noise:
            return self._samples[index]  # shared, because labels are written into copies
        return BaseDataElement(metainfo={**self._names[index], 'stream_seed': seed})
