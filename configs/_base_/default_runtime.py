default_scope = 'semrestore'
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=100, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='SafeCheckpointHook', by_epoch=False, interval=1000, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    seed=dict(type='SeedHook'),
    figures=dict(type='FiguresHook'),
    history=dict(type='HistoryHook'),
    loss_guard=dict(type='LossGuardHook'),
    batch_norm=dict(type='BatchNormHook'),
    preemption=dict(type='PreemptionHook'),
    catch_up=dict(type='CatchUpHook'),
    schedule=dict(type='ScheduleHook'),
)
# Without device ids it wraps a model on a CPU, too.
model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False)
env_cfg = dict(cudnn_benchmark=True, mp_cfg=dict(mp_start_method='fork'), dist_cfg=dict(backend='nccl'))
log_processor = dict(by_epoch=False, mean_pattern='.*(loss|time|grad_norm|PSNR|images/s).*')
log_level = 'INFO'
randomness = dict(seed=0)
resume = False
load_from = None
