"""Train and evaluate: what MMEngine's runner lacks, and the two functions that run it."""

from semrestore.engine.checkpoints import BatchNormHook, CatchUpHook, PreemptionHook, SafeCheckpointHook
from semrestore.engine.evaluating import Evaluation, evaluate
from semrestore.engine.guards import HistoryHook, LossGuardHook, SeedHook
from semrestore.engine.optim_wrapper import Bf16OptimWrapper, MergedGroupsConstructor, bf16_is_fast
from semrestore.engine.pictures import RestorationHook
from semrestore.engine.progress import FiguresHook, ProgressHook
from semrestore.engine.schedule import ScheduleHook
from semrestore.engine.training import resume, train

__all__ = [
    'BatchNormHook',
    'Bf16OptimWrapper',
    'CatchUpHook',
    'Evaluation',
    'FiguresHook',
    'HistoryHook',
    'LossGuardHook',
    'MergedGroupsConstructor',
    'PreemptionHook',
    'ProgressHook',
    'RestorationHook',
    'SafeCheckpointHook',
    'ScheduleHook',
    'SeedHook',
    'bf16_is_fast',
    'evaluate',
    'resume',
    'train',
]
