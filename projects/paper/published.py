"""List the figures of the paper's tables (PSNR in dB, the rest in percent)."""

METHODS = ('CBM3D', 'MCWNNM', 'DnCNN', 'FFDNet', 'Proposed')
"""The methods of Tables II and III, in the order of their columns."""

IMAGES = {'kodak24': 24, 'cbsd68': 68}
"""Images of the test sets."""

SIGMAS = (25, 35, 50)
"""Noise levels of Tables II and III on 0..255."""

TABLE_1 = {
    'scales2_enc128_dec128': (384, 30.41),
    'scales2_enc128_dec256_noskip': (637, 30.39),
    'scales2_enc128_dec256': (637, 30.54),
    'scales2_enc256_dec256': (1780, 30.70),
    'scales3_enc128_dec128': (592, 30.64),
    'scales3_enc128_dec256_noskip': (1026, 30.52),
    'scales3_enc128_dec256': (1026, 30.83),
    'scales3_enc256_dec256': (2198, 30.87),
    'scales4_enc128_dec128': (970, 30.76),
    'scales4_enc128_dec256_noskip': (1488, 30.67),
    'scales4_enc128_dec256': (1488, 30.91),
    'scales4_enc256_dec256': (3945, 30.96),
}
"""Architecture ablation: thousands of parameters, and PSNR on Kodak at sigma 35, by the names of our configs."""

# One image a line: the five methods at the first noise level, then at the second, then at the third.
_KODAK = """
01 29.13 28.66 29.75 29.65 29.76 27.31 26.93 28.10 28.01 28.11 25.86 25.28 26.52 26.45 26.55
02 32.44 31.92 32.97 32.86 33.00 31.07 30.62 31.65 31.60 31.75 29.84 29.27 30.44 30.35 30.54
03 34.54 34.05 34.97 34.92 35.12 32.62 32.27 33.37 33.38 33.58 31.34 30.52 31.76 31.77 31.99
04 32.67 32.42 32.94 32.90 33.01 31.02 30.92 31.51 31.49 31.59 29.92 29.37 30.12 30.09 30.22
05 29.73 29.37 30.53 30.35 30.55 27.61 27.53 28.66 28.52 28.72 25.92 25.60 26.77 26.67 26.87
06 30.59 30.18 31.05 30.99 31.08 28.78 28.44 29.37 29.34 29.45 27.34 26.70 27.74 27.72 27.85
07 33.66 33.36 34.42 34.31 34.47 31.64 31.53 32.60 32.54 32.70 29.99 29.51 30.67 30.66 30.82
08 29.88 29.39 30.30 30.04 30.37 27.82 27.67 28.53 28.30 28.64 26.23 25.86 26.65 26.50 26.84
09 34.06 33.42 34.59 34.52 34.63 32.28 31.76 33.06 33.00 33.11 30.86 30.00 31.42 31.40 31.53
10 33.82 33.23 34.33 34.24 34.38 31.97 31.51 32.74 32.68 32.83 30.48 29.63 31.03 30.99 31.17
11 31.25 30.62 31.82 31.70 31.84 29.53 29.04 30.23 30.14 30.29 28.00 27.41 28.67 28.56 28.76
12 33.76 33.02 34.12 34.04 34.18 32.24 31.52 32.73 32.65 32.83 30.98 30.00 31.32 31.24 31.47
13 27.64 27.19 28.26 28.17 28.24 25.70 25.40 26.46 26.39 26.47 24.03 23.70 24.73 24.67 24.76
14 30.03 29.67 30.79 30.67 30.80 28.24 28.05 29.17 29.07 29.20 26.74 26.43 27.57 27.48 27.63
15 33.08 32.69 33.32 33.24 33.35 31.47 31.15 31.89 31.82 31.96 30.32 29.59 30.50 30.44 30.59
16 32.33 31.79 32.69 32.66 32.74 30.64 30.15 31.16 31.14 31.23 29.36 28.53 29.68 29.63 29.78
17 32.93 32.39 33.53 33.47 33.50 30.64 30.75 31.96 31.94 31.98 29.36 28.98 30.33 30.33 30.40
18 29.83 29.46 30.40 30.31 30.46 28.00 27.70 28.72 28.63 28.79 26.41 25.94 27.03 26.96 27.14
19 31.78 31.29 32.23 32.12 32.30 30.19 29.86 30.80 30.70 30.88 29.06 28.44 29.34 29.26 29.49
20 33.45 32.78 34.15 34.03 34.29 31.84 31.32 32.73 32.65 32.91 30.51 29.79 31.28 31.21 31.53
21 30.99 30.55 31.61 31.53 31.63 29.17 28.86 29.94 29.88 29.98 27.61 27.13 28.27 28.21 28.34
22 30.93 30.48 31.41 31.33 31.38 29.36 28.93 29.94 29.88 29.95 28.09 27.47 28.54 28.48 28.58
23 34.79 34.45 35.36 35.31 35.40 33.09 32.79 33.86 33.82 33.89 31.75 30.96 32.18 32.22 32.30
24 30.09 29.93 30.79 30.66 30.77 28.19 28.17 28.98 28.89 29.03 26.62 26.37 27.18 27.11 27.30
"""

TABLE_2 = {
    (f'kodim{image}', sigma, method): float(values[SIGMAS.index(sigma) * len(METHODS) + METHODS.index(method)])
    for image, *values in (line.split() for line in _KODAK.strip().splitlines())
    for sigma in SIGMAS
    for method in METHODS
}
"""PSNR on Kodak by image, sigma and method."""

_MEANS = """
31.81 31.35 32.35 32.25 32.39 30.04 29.70 30.76 30.69 30.83 28.62 28.02 29.16 29.10 29.27
30.71 30.23 31.23 31.21 31.32 28.89 28.57 29.58 29.58 29.73 27.38 26.63 27.92 27.76 28.09
"""

MEANS = {
    (name, sigma, method): float(values[SIGMAS.index(sigma) * len(METHODS) + METHODS.index(method)])
    for name, values in zip(('kodak24', 'cbsd68'), (line.split() for line in _MEANS.strip().splitlines()), strict=True)
    for sigma in SIGMAS
    for method in METHODS
}
"""Mean PSNR by data set (Table II's last row, and Table III), sigma and method."""

TASK_METHODS = ('VGG', 'CBM3D', 'Separate', 'Joint', 'Cross-task')
"""The columns of Tables IV and V: the noisy images, and what restores them for the task network."""

TASK_TABLES = {
    'top-1': {
        15: (62.4, 68.2, 68.3, 69.9, 69.8),
        30: (44.4, 62.3, 62.7, 67.1, 66.4),
        45: (24.3, 55.2, 54.6, 63.2, 62.1),
        60: (11.4, 50.0, 50.1, 59.4, 57.2),
    },
    'top-5': {
        15: (84.2, 88.8, 88.7, 89.5, 89.4),
        30: (68.9, 84.8, 84.9, 87.6, 87.2),
        45: (46.1, 79.4, 78.8, 84.7, 84.0),
        60: (26.3, 74.2, 74.5, 81.9, 80.3),
    },
    'mIoU': {
        15: (56.78, 59.58, 58.70, 60.47, 60.41),
        30: (43.43, 55.29, 54.13, 57.88, 56.30),
        45: (27.99, 50.69, 49.51, 54.84, 54.03),
        60: (14.94, 46.56, 46.59, 52.05, 51.84),
    },
}
"""Tables IV (VGG-16 on ILSVRC2012 val) and V (DeepLab-LargeFOV on VOC 2012 val) by metric and sigma."""

CLEAN = {'top-1': 71.62, 'top-5': 90.49, 'mIoU': 62.25}
"""What the same networks reach on clean images, which the paper does not print: VGG-16 by mmpretrain's model card,
LargeFOV without CRF by Chen et al. (ICLR 2015)."""
