"""Switch any config to the embedded photos and a short schedule, for ``--embedded``."""

from mmengine.config import Config

from semrestore.config.check import frozen_networks
from semrestore.registry import DATASETS

EMBEDDED_PIXELS = 4 * 224**2  # at most, in a training batch: seconds a step on two cores
SMALLEST_SIDE = 300  # of an embedded photo


def embed(cfg: Config, iterations: int = 20) -> str:
    """Switch a config to the embedded photos and a short schedule, in place, and return a line on what changed.

    Model, losses, optimizer and hooks stay as they are: what is checked is the long job's own configuration.

    Args:
        cfg: A config with any data.
        iterations: Length of the training.
    """
    packing = dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'name', 'dataset_name'))
    loader = dict(num_workers=0, persistent_workers=False)
    replaced = [key for key in ('train_dataloader', 'val_dataloader', 'test_dataloader') if cfg.get(key)]
    if cfg.get('train_dataloader'):
        side = _last_size(cfg.train_dataloader, default=224 if frozen_networks(cfg) else 48)
        batch = min(cfg.train_dataloader.get('batch_size', 1), max(1, EMBEDDED_PIXELS // side**2))
        pipeline = [
            dict(type='LoadPhoto', cache=True),
            dict(type='mmpretrain.RandomCrop', crop_size=side, pad_if_needed=True, padding_mode='reflect'),
            dict(type='RandomDihedral'),
            packing,
        ]
        cfg.train_dataloader = dict(
            **loader,
            batch_size=batch,
            sampler=dict(type='StreamSampler', shuffle=True),
            collate_fn=dict(type='default_collate'),
            dataset=dict(type='StreamDataset', dataset=dict(type='EmbeddedPhotos', split='train', pipeline=pipeline)),
        )
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=iterations, val_interval=iterations)
        cfg.setdefault('default_hooks', {}).setdefault('logger', dict(type='LoggerHook'))['interval'] = max(
            1, iterations // 10
        )
    view = min(_last_size(cfg.get('test_dataloader') or {}, default=224), SMALLEST_SIDE)
    for key in ('val_dataloader', 'test_dataloader'):
        if cfg.get(key):
            # mmseg's metrics ask the data for the names of the classes.
            classes = getattr(DATASETS.get(str(cfg[key].dataset.get('type'))), 'METAINFO', {}).get('classes')
            dataset = dict(
                type='EmbeddedPhotos',
                split='val',
                view=view,
                stride=view // 3,
                pipeline=[dict(type='LoadPhoto'), packing],
            )
            cfg[key] = dict(
                **loader,
                batch_size=4,
                sampler=dict(type='DefaultSampler', shuffle=False),
                dataset=dataset | (dict(metainfo=dict(classes=classes)) if classes else {}),
            )
    cfg.model['data_preprocessor'] = dict(type='ImagePreprocessor', channel_order='rgb')
    labels = ''
    if frozen_networks(cfg):
        if cfg.model.get('supervision', 'labels') == 'labels':
            cfg.model.supervision = 'self'
        labels = ", labels by the task network's own prediction on the clean photos"
    return (
        f'embedded: {", ".join(replaced)} replaced by the embedded photos (evaluated in views of {view} pixels),'
        f'{f" training cut to {iterations} iterations" * bool(cfg.get("train_dataloader"))}{labels}'
    )


def _last_size(loader: dict, default: int) -> int:
    """Return the image side after the last transform of a loader's pipeline that changes sizes."""
    dataset = loader.get('dataset', {})
    if dataset.get('type') == 'StreamDataset':
        dataset = dataset.dataset
    if 'patch_size' in dataset:
        return dataset['patch_size']
    sizes = [transform.get('crop_size', transform.get('scale')) for transform in dataset.get('pipeline', ())]
    sizes = [size if isinstance(size, int) else min(size) for size in sizes if size is not None]
    return sizes[-1] if sizes else default
