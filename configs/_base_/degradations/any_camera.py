# Parts of a degradation: photographs of any camera and noise level. Their noise is nearly white in luma, blurred and
# strong in colour, strongest in the middle tones; JPEG then rounds the finest of it to nothing.
camera = dict(
    type='CameraNoise',
    shot=(4e-4, 2e-2),
    smooth=(0.1, 0.8),
    chroma=(0.8, 3.0),
    chroma_smooth=(0.6, 3.5),
    tone=(0.3, 1.0),
    centred=True,
    quantise=True,
)
camera_fine_jpeg = dict(type='DegradationChain', steps=[camera, dict(type='JPEG', quality=(92, 98))])
camera_coarse_jpeg = dict(type='DegradationChain', steps=[camera, dict(type='JPEG', quality=(80, 92))])
