# Every other pixel is missing, along and across.
degradation = dict(type='LowResolution', factor=2.0)
