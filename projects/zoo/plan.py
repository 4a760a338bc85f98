"""List what is trained, in this order (``python -m projects.zoo train --status``).

A name of a higher round than the published weights' is trained anew.
"""

# projects/zoo/starts/README.md says how to get this file.
round_0 = 'work_dirs/weights/multiscale-blind-bsds432-72d9bd61.safetensors'

# What makes the blind weights carry over to other photos: short runs that differ in one thing, two seeds each.
colour = 'train_dataloader.dataset.colour'
breadth = {
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
    'balanced': ('breadth_all.py', {'model.losses.reconstruction.balance': 0.02}),
    'fixed-norms': ('breadth_all.py', {'model.denoiser.norm_eval': True}),
    'fixed-norms-balanced': (
        'breadth_all.py',
        {'model.denoiser.norm_eval': True, 'model.losses.reconstruction.balance': 0.05},
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


# What makes a denoiser for recognition carry over to networks that it was not trained through.
lite0, features = 'model.losses.lite0', 'model.losses.lite0_features'
recognition = {
    'lite0': ('recognition.py', {}),
    'squeezenet': ('recognition_squeezenet.py', {}),
    'two': ('recognition_two.py', {}),
    'vgg': ('recognition_vgg.py', {}),
    'labels-alone': ('recognition.py', {f'{features}.weight': 0.0}),
    'features-alone': ('recognition.py', {f'{lite0}.weight': 0.0}),
    'third': ('recognition.py', {f'{lite0}.weight': 0.01, f'{features}.weight': 0.01}),
    'threefold': ('recognition.py', {f'{lite0}.weight': 0.1, f'{features}.weight': 0.1}),
    'early-layer': ('recognition.py', {f'{features}.layers': '[model.blocks.1]'}),
    'deep-layer': ('recognition.py', {f'{features}.layers': '[model.blocks.6]'}),
    'cosine': ('recognition.py', {f'{features}.distance': 'cosine'}),
    'mean-square': ('recognition.py', {f'{features}.distance': 'mse'}),
    'deep-features-alone': ('recognition.py', {f'{lite0}.weight': 0.0, f'{features}.layers': '[model.blocks.6]'}),
    'no-clean': ('recognition.py', {'model.degradation.weights': [0.95, 0.0, 0.05]}),
    'no-averaging': ('recognition.py', {'custom_hooks': []}),
    'temperature-3': ('recognition.py', {'model.temperature': 3.0}),
    'crops-of-224': (
        'recognition.py',
        {'train_dataloader.batch_size': 2, 'train_dataloader.dataset.patch_size': 224},
    ),
}


def study(name, runs, seed, **options):
    """Return the runs of a study with one seed."""
    return [
        dict(
            name=f'{name}/{run}/{seed}',
            config=f'study/{config}',
            options={**own, 'randomness.seed': seed, **options},
            then=name,
        )
        for run, (config, own) in runs.items()
    ]


def closing(seed):
    """Return the runs that look for the last tenth of a decibel, of equal cost."""
    nine_tenths = f'closing/nine-tenths/{seed}'
    last = dict(load_from=f'{{out}}/{nine_tenths}/iter_5400.pth')
    runs = {
        'longer': ('closing.py', {}),
        'larger-batch': ('closing.py', {'train_dataloader.batch_size': 64, **length(1500)}),
        'longer-averaging': ('closing.py', {'custom_hooks.0.momentum': 5e-4}),
        'nine-tenths': ('closing.py', length(5400)),
        'mse-last': ('closing_last.py', {'model.losses.reconstruction.distance': 'mse', **last}),
        'larger-patches-last': (
            'closing_last.py',
            {'train_dataloader.dataset.patch_size': 128, 'train_dataloader.batch_size': 4, **last},
        ),
    }
    return [
        run | dict(after=[nine_tenths] if run['name'].endswith(f'-last/{seed}') else [])
        for run in study('closing', runs, seed)
    ]


def length(iterations):
    """Return the options that make a run of the study `closing` this long."""
    return {
        'train_cfg.max_iters': iterations,
        'train_cfg.val_interval': iterations,
        'param_scheduler.1.end': iterations,
        'param_scheduler.1.T_max': iterations - 50,
    }


# The rows of Table I: scales, channels of the encoder and the decoder, global skip.
table_1 = [
    (scales, encoder, decoder, skip)
    for scales in (2, 3, 4)
    for encoder, decoder, skip in ((128, 128, True), (128, 256, False), (128, 256, True), (256, 256, True))
]

photos = 'bsds432, voc2012, unlabelled628'
plan = [
    dict(name='multiscale-blind', config='zoo/blind.py', round=3, sigma=[0, 60], then='publish'),
    dict(
        name='recognition-blind',
        config='zoo/recognition_blind.py',
        round=2,
        sigma=[0, 60],
        data=photos,
        then='publish',
    ),
    dict(name='recognition-universal', config='zoo/recognition_universal.py', data=photos, then='publish'),
    dict(name='recognition-long', config='zoo/recognition_long.py', sigma=[0, 60], data=photos),
    # No better at its level than the blind ones (docs/training_notes.md): not published.
    dict(name='recognition-sigma30', config='zoo/recognition_sigma30.py', sigma=30, data=photos),
    *(
        dict(
            name=f'multiscale-sigma{sigma}',
            config='zoo/sigma.py',
            options={'model.degradation.sigma': sigma},
            sigma=sigma,
            then='publish',
        )
        for sigma in (25, 50, 30, 15)
    ),
    *(
        dict(
            name=f'multiscale-sigma{sigma}',
            config='zoo/sigma_short.py',
            options={'model.degradation.sigma': sigma, 'load_from': f'zoo:multiscale-sigma{neighbour}'},
            sigma=sigma,
            after=[f'multiscale-sigma{neighbour}'],
            then=then,
        )
        # Those for 45 are trained, but not in the package: there is no room (docs/training_notes.md).
        for sigma, neighbour, then in ((60, 50, 'publish'), (45, 50, None), (35, 30, 'publish'))
    ),
    # Worse on photographs than the published ones (docs/training_notes.md): not published.
    dict(name='multiscale-real', config='zoo/real.py', after=['multiscale-blind']),
    # recognition-blind with another seed, and without SqueezeNet and the segmenter, which then judge; not published.
    dict(name='recognition-again', config='zoo/recognition_blind.py', options={'randomness.seed': 1}, sigma=[0, 60]),
    dict(name='recognition-fewer', config='zoo/recognition_fewer.py', sigma=[0, 60]),
    *(
        dict(
            name=f'table1/scales{scales}_enc{encoder}_dec{decoder}{"" if skip else "_noskip"}',
            config='zoo/table1.py',
            options={
                'model.denoiser.num_scales': scales,
                'model.denoiser.encoder_channels': encoder,
                'model.denoiser.decoder_channels': decoder,
                'model.denoiser.global_skip': skip,
            },
        )
        for scales, encoder, decoder, skip in table_1
    ),
    *study('breadth', breadth, seed=0, load_from=round_0),
    *study('recognition', recognition, seed=0),
    *study('breadth', breadth, seed=1, load_from=round_0),
    *study('recognition', recognition, seed=1),
    *closing(seed=0),
    *closing(seed=1),
    # For a GPU. Its weights are too large to publish in the package.
    dict(name='drunet', config='denoise/drunet_gpu.py', sigma=[0, 60], data='bsds432'),
]
