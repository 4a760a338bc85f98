"""What is trained, in this order (``python -m projects.zoo train --status``).

A name of a higher round than the published weights' is trained anew.
"""

# What makes the blind weights carry over to other photos: short runs that differ in one thing, two seeds each.
colour = 'train_dataloader.dataset.colour'
arms = {
    'before': ('breadth.py', {}),
    'all': ('breadth_all.py', {}),
    'permuted': ('breadth.py', {f'{colour}.permute': 1.0}),
    'inverted': ('breadth.py', {f'{colour}.invert': 0.2}),
    'saturation': ('breadth.py', {f'{colour}.saturate': 0.5}),
    'hue': ('breadth.py', {f'{colour}.hue': 0.5}),
    'grey': ('breadth.py', {f'{colour}.grey': 0.05}),
    'correlated': ('breadth.py', {'model.degradation.weights': [0.9, 0.0, 0.1]}),
    'clean': ('breadth.py', {'model.degradation.weights': [0.9, 0.1, 0.0]}),
    'halved': ('breadth_halved.py', {}),
    'more-photos': ('breadth_more_photos.py', {}),
    'all-strong': (
        'breadth_all.py',
        {f'{colour}.permute': 1.0, f'{colour}.invert': 0.2, f'{colour}.saturate': 0.6, f'{colour}.grey': 0.1},
    ),
    'before-long': (
        'breadth.py',
        {
            'train_cfg.max_iters': 1200,
            'train_cfg.val_interval': 1200,
            'param_scheduler.1.end': 1200,
            'param_scheduler.1.T_max': 1160,
        },
    ),
}


def study(seed, names):
    """Return the study's runs of a seed."""
    return [
        dict(
            name=f'breadth/{name}/{seed}',
            config=f'study/{arms[name][0]}',
            options={**arms[name][1], 'randomness.seed': seed},
            then='breadth',
        )
        for name in names
    ]


plan = [
    *study(0, ('before', 'all', 'permuted', 'inverted', 'saturation', 'hue', 'grey', 'clean', 'halved', 'more-photos')),
    *study(0, ('all-strong', 'correlated')),
    *study(1, ('before', 'all')),
    dict(name='multiscale-blind', config='zoo/blind.py', sigma=[0, 60], then='publish'),
    *study(1, ('saturation', 'grey', 'clean', 'halved', 'more-photos', 'all-strong')),
    *study(0, ('before-long',)),
    *study(1, ('permuted', 'inverted', 'hue', 'correlated', 'before-long')),
]
