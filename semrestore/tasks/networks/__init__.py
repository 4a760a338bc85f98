"""Define parts of task networks that the OpenMMLab libraries lack, for their configs as ``semrestore.NAME``."""

from semrestore.tasks.networks.deeplab_largefov import LargeFOVHead, LargeFOVVGG16
from semrestore.tasks.networks.deeplab_mobilenet import ASPPLiteHead, SlimMobileNetV2

__all__ = ['ASPPLiteHead', 'LargeFOVHead', 'LargeFOVVGG16', 'SlimMobileNetV2']
