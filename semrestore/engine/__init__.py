"""What MMEngine's runner lacks."""

from semrestore.engine.checkpoints import PreemptionHook, SafeCheckpointHook
from semrestore.engine.ema import ForeachEMA
from semrestore.engine.guards import LossGuardHook, SeedHook
from semrestore.engine.optim_wrapper import Bf16OptimWrapper, MergedGroupsConstructor, bf16_is_fast
from semrestore.engine.progress import ProgressHook

__all__ = [
    'Bf16OptimWrapper',
    'ForeachEMA',
    'LossGuardHook',
    'MergedGroupsConstructor',
    'PreemptionHook',
    'ProgressHook',
    'SafeCheckpointHook',
    'SeedHook',
    'bf16_is_fast',
]
