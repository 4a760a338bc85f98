"""What MMEngine's runner lacks."""

from semrestore.engine.checkpoints import BatchNormHook, CatchUpHook, PreemptionHook, SafeCheckpointHook
from semrestore.engine.ema import ForeachEMA
from semrestore.engine.guards import HistoryHook, LossGuardHook, SeedHook
from semrestore.engine.optim_wrapper import Bf16OptimWrapper, MergedGroupsConstructor, bf16_is_fast
from semrestore.engine.pictures import RestorationHook
from semrestore.engine.progress import ProgressHook
from semrestore.engine.workers import WorkerHook

__all__ = [
    'BatchNormHook',
    'Bf16OptimWrapper',
    'CatchUpHook',
    'ForeachEMA',
    'HistoryHook',
    'LossGuardHook',
    'MergedGroupsConstructor',
    'PreemptionHook',
    'ProgressHook',
    'RestorationHook',
    'SafeCheckpointHook',
    'SeedHook',
    'WorkerHook',
    'bf16_is_fast',
]
