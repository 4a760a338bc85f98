# Shot and read noise of a sensor: at half brightness a standard deviation of 25.4 on 0..255.
degradation = dict(type='PoissonGaussianNoise', gain=0.018, read=0.03)
