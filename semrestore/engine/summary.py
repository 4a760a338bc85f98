"""Summarise a training in ten lines. The log file has the whole config."""

from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from semrestore.cascade import Cascade
from semrestore.engine.runner import bare_model

__all__ = ['summary']


def summary(runner: Runner, cfg: Config) -> str:
    """Return what a runner will train, as text.

    Args:
        runner: With its training loop built.
        cfg: Its config.
    """
    model = bare_model(runner)
    lines = {'config': cfg.filename}
    trained = sum(value.numel() for value in model.parameters() if value.requires_grad)
    if isinstance(model, Cascade):
        lines['denoiser'] = f'{type(model.denoiser).__name__}, {trained:,} parameters'
        lines['noise'] = _short(cfg.model.degradation)
        for name, task in model.tasks.items():
            lines[f'frozen: {name}'] = _network(cfg, name, task)
        labels = '' if not model.tasks else f', labels: {model.supervision}'
        lines['losses'] = ', '.join(f'{name} x {loss.weight:g}' for name, loss in model.losses.items()) + labels
    else:
        lines['network'] = f'{type(model).__name__}, {trained:,} parameters'
    loader = runner.train_dataloader
    lines['data'] = f'{len(getattr(loader.dataset, "dataset", loader.dataset))} images, {loader.batch_size} a step'
    start = cfg.get('load_from')
    lines['start'] = f'{"continues from" if cfg.get("resume") else "weights of"} {start}' if start else 'random weights'
    wrapper = dict(cfg.optim_wrapper)
    halves = dict(Bf16OptimWrapper='bfloat16', AmpOptimWrapper='float16')
    precision = wrapper.get('dtype') or halves.get(str(wrapper.get('type')), 'float32')
    optimizer = wrapper['optimizer']
    rate = f', learning rate {optimizer["lr"]:g}' if 'lr' in optimizer else ''
    lines['steps'] = f'{runner.max_iters}, {optimizer["type"]}{rate}'
    lines['computes on'] = f'{next(model.parameters()).device}, {precision}'
    lines['writes'] = f'{runner.work_dir}, log: {Path(runner.log_dir).name}/{Path(runner.log_dir).name}.log'
    width = max(map(len, lines))
    return 'training\n' + '\n'.join(f'  {name:{width}}  {text}' for name, text in lines.items())


def _short(config: dict) -> str:
    """Return a degradation's type and arguments; of its parts only the types."""
    parts = config.get('choices') or config.get('steps') or ()
    inside = [part['type'] for part in parts] or [f'{key} {value}' for key, value in config.items() if key != 'type']
    return f'{config["type"]} ({", ".join(inside)})' if inside else config['type']


def _network(cfg: Config, name: str, task: object) -> str:
    network = cfg.model.get('task') or cfg.model.tasks[name]
    model = network.get('model')
    if isinstance(model, dict):
        model = model.get('model_name') or model.get('type')
    return f'{model or type(task).__name__}, weights {network.get("checkpoint") or "of its config"}'
