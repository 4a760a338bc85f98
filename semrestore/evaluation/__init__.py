"""What a restored image is worth: image quality, and (through the task libraries' own metrics) recognition."""

from semrestore.evaluation.quality import ImageQuality, psnr, ssim, to_8_bit

__all__ = ['ImageQuality', 'psnr', 'ssim', 'to_8_bit']
