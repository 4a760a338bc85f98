"""What MMEngine's runner lacks."""

from semrestore.engine.optim_wrapper import Bf16OptimWrapper, bf16_is_fast
from semrestore.engine.progress import ProgressHook

__all__ = ['Bf16OptimWrapper', 'ProgressHook', 'bf16_is_fast']
