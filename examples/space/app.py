"""The page of ``semrestore app`` as a Hugging Face Space; README.md says how to put it there."""

from semrestore.app.page import build_page, launch_options
from semrestore.app.trial import Limits, Trial

# A Space has two shared CPU cores, so the limits are smaller than on your own machine.
LIMITS = Limits(megapixels=6, megabytes=20, seconds=60)
NETWORKS = ['torchvision:mobilenet_v2', 'timm:tf_efficientnet_lite0', 'torchvision:lraspp_mobilenet_v3_large']

if __name__ == '__main__':
    build_page(Trial(LIMITS), NETWORKS).launch(**launch_options(LIMITS))
