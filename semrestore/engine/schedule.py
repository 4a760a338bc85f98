"""Continue a run with another schedule than it began with."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from semrestore.registry import HOOKS

PROGRESS = {'last_step', '_global_step', '_last_value', 'base_values', 'verbose'}
"""What a scheduler's state has beside its settings."""


@HOOKS.register_module()
class ScheduleHook(Hook):
    """Use the config's schedule and learning rate after ``--resume``, if the checkpoint has others.

    MMEngine takes both from the checkpoint: a finished run that is to be extended would go on at its last learning
    rate. Here the config's schedule is brought to the iteration that was reached, and that is said.
    """

    priority = 'VERY_HIGH'
    rates: list[float] = []
    """Initial learning rates of the config, one a group of parameters."""

    def before_run(self, runner: Runner) -> None:
        """Remember the config's learning rates before the checkpoint replaces them."""
        if runner.cfg.get('train_dataloader') and hasattr(runner.optim_wrapper, 'param_groups'):
            self.rates = [_initial(group) for group in runner.optim_wrapper.param_groups]

    def before_train(self, runner: Runner) -> None:
        """Replace the checkpoint's schedule by the config's if they differ."""
        stored = runner.param_schedulers
        if not runner.iter or not isinstance(stored, list) or not runner.cfg.get('param_scheduler'):
            return
        groups = runner.optim_wrapper.param_groups
        reached = [dict(group) for group in groups]
        same_rates = [_initial(group) for group in groups] == self.rates
        for group, rate in zip(groups, self.rates, strict=True):
            group.update({name: group[f'initial_{name}'] for name in ('lr', 'momentum') if f'initial_{name}' in group})
            group.update(lr=rate, initial_lr=rate)
        own = runner.build_param_scheduler(runner.cfg.param_scheduler)
        if same_rates and [_settings(one) for one in own] == [_settings(one) for one in stored]:
            for group, before in zip(groups, reached, strict=True):
                group.update({key: value for key, value in before.items() if key != 'params'})
            return
        for scheduler in own:
            for _ in range(runner.epoch if scheduler.by_epoch else runner.iter):
                scheduler.step()
        runner.param_schedulers = own
        rates = ', '.join(f'{rate:.3g}' for rate in dict.fromkeys(group['lr'] for group in groups))
        runner.logger.warning(
            'the schedules or learning rates of config and checkpoint differ. The training uses those of the config,'
            f' with learning rate {rates} from iteration {runner.iter} on'
        )


def _initial(group: dict) -> float:
    return group.get('initial_lr', group['lr'])


def _settings(scheduler: Any) -> dict:
    state = scheduler.state_dict()
    return {key: value for key, value in state.items() if key not in PROGRESS}
