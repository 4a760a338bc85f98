"""What MMEngine's runner lacks."""

from semrestore.engine.optim_wrapper import Bf16OptimWrapper
from semrestore.engine.progress import ProgressHook

__all__ = ['Bf16OptimWrapper', 'ProgressHook']
