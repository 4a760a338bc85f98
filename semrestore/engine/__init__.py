"""What MMEngine's runner lacks."""

from semrestore.engine.optim_wrapper import Bf16OptimWrapper

__all__ = ['Bf16OptimWrapper']
