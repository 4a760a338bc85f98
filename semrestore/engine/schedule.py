"""Continue a run with another schedule than it began with."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from semrestore.registry import HOOKS

PROGRESS = {'last_step', '_global_step', '_last_value', 'base_values', 'verbose'}
"""What a scheduler's state has beside its settings."""


@HOOKS.register_module()
class ScheduleHook(Hook):
    """Use the config's schedule after ``--resume``, if the checkpoint has another.

    MMEngine takes the settings of the schedulers from the checkpoint: a finished run that is to be extended would go on
    at its last learning rate. Here the config's schedule is brought to the iteration that was reached, and that is
    said.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Replace the checkpoint's schedule by the config's if they differ."""
        stored = runner.param_schedulers
        if not runner.iter or not isinstance(stored, list) or not runner.cfg.get('param_scheduler'):
            return
        groups = runner.optim_wrapper.param_groups
        reached = [dict(group) for group in groups]
        for group in groups:
            group.update({name: group[f'initial_{name}'] for name in ('lr', 'momentum') if f'initial_{name}' in group})
        own = runner.build_param_scheduler(runner.cfg.param_scheduler)
        if [_settings(one) for one in own] == [_settings(one) for one in stored]:
            for group, before in zip(groups, reached, strict=True):
                group.update({key: value for key, value in before.items() if key != 'params'})
            return
        for scheduler in own:
            for _ in range(runner.epoch if scheduler.by_epoch else runner.iter):
                scheduler.step()
        runner.param_schedulers = own
        rates = ', '.join(f'{rate:.3g}' for rate in dict.fromkeys(group['lr'] for group in groups))
        runner.logger.warning(
            f"the schedules of config and checkpoint differ. The training uses the config's, with learning rate {rates}"
            f' from iteration {runner.iter} on'
        )


def _settings(scheduler: Any) -> dict:
    state = scheduler.state_dict()
    return {key: value for key, value in state.items() if key not in PROGRESS}
