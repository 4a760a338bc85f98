"""Mixed precision reaches the denoiser and leaves its weights and the restored image in float32."""

import torch
from mmengine.optim import build_optim_wrapper


def test_bf16_wrapper_computes_in_bfloat16_and_steps_in_float32(build_cascade, batch):
    cascade = build_cascade().train()
    wrapper = build_optim_wrapper(cascade, dict(type='semrestore.Bf16OptimWrapper', optimizer=dict(type='SGD', lr=0.1)))
    seen = {}
    cascade.denoiser.encoders[0].conv.register_forward_hook(lambda _, __, output: seen.update(features=output.dtype))
    cascade.denoiser.register_forward_hook(lambda _, __, output: seen.update(restored=output.dtype))
    before = cascade.denoiser.tail.weight.clone()
    cascade.train_step(batch, wrapper)
    assert seen == {'features': torch.bfloat16, 'restored': torch.float32}
    assert cascade.denoiser.tail.weight.dtype == torch.float32
    assert not torch.equal(before, cascade.denoiser.tail.weight)
