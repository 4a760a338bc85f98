"""Use any vision network of Hugging Face's transformers as a frozen task, by its name on the hub or its folder."""

import inspect
import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement, InstanceData
from torch import Tensor
from torchvision.ops import box_convert

from semrestore.errors import UserError, explained
from semrestore.registry import MODELS
from semrestore.tasks.scoring import KINDS, Kind, ScoringTask

BUILDERS: dict[str, str] = dict(
    classification='AutoModelForImageClassification',
    segmentation='AutoModelForSemanticSegmentation',
    detection='AutoModelForObjectDetection',
    depth='AutoModelForDepthEstimation',
    features='AutoModel',
)
ENDINGS: dict[str, Kind] = dict(
    ForImageClassification='classification',
    ForSemanticSegmentation='segmentation',
    ForObjectDetection='detection',
    ForDepthEstimation='depth',
)
LEAST_SCORE = 0.05


@MODELS.register_module()
class TransformersTask(ScoringTask):
    """Run a frozen network of transformers: classifier, segmenter, DETR, depth estimator, CLIP, or bare backbone.

    :class:`~semrestore.tasks.scoring.ScoringTask` says what labels, predictions and losses are. Images are prepared by
    the network's own processor, from the file that comes with it: it resizes and crops them, and applies mean and std.
    It does so differentiably and inside the task, so the data set need not resize. Boxes are in the images' own pixels,
    and their labels are the network's own, from 0.

    Args:
        network: A name on the hub, such as ``'google/vit-base-patch16-224'``, or a folder that ``save_pretrained``
            wrote, with its processor. Weights are safetensors, and no code that comes with a network is run.
        checkpoint: ``'random'`` loads no weights. By default the published weights are loaded.
        kind: The network's purpose, by default from its config. A network without a head gives only features.
        prompts: Texts, one a class, by which CLIP or another network of that kind classifies without training, such as
            ``['a photo of a cat', 'a photo of a dog']``.
        resize: Set to ``False`` to leave the images at their size, if the network takes any. Position embeddings are
            then interpolated.
        self_label_threshold: Detections of this score and above are the labels of images without any.

    Raises:
        UserError: transformers is not installed, or the network does not exist or is of an unknown kind.
    """

    network: Any
    prompts: Tensor | None

    def __init__(
        self,
        network: str,
        checkpoint: Literal['', 'random'] = '',
        kind: Kind | None = None,
        prompts: Sequence[str] | None = None,
        resize: bool = True,
        self_label_threshold: float = 0.4,
    ) -> None:
        try:
            import transformers
        except ImportError:
            raise UserError(
                f"the network '{network}' needs transformers. Install it: pip install 'semrestore[transformers]'"
            ) from None
        if checkpoint not in ('', 'random'):
            raise UserError(
                f"checkpoint is '{checkpoint}'; expected 'random' or nothing. For weights of your own, give their"
                ' folder as network'
            )
        with explained(f"'{network}' cannot be loaded as a network of transformers, from a folder or from the hub"):
            config = transformers.AutoConfig.from_pretrained(network, trust_remote_code=False)
            processor = transformers.AutoImageProcessor.from_pretrained(network, trust_remote_code=False)
        kind = 'classification' if prompts else kind or _kind_of(config, network)
        if kind not in KINDS:
            raise UserError(f"kind is '{kind}'; expected one of {', '.join(KINDS)}")
        builder = getattr(transformers, BUILDERS['features' if prompts else kind])
        with explained(f"the network '{network}' does not build as one for {kind}"):
            if checkpoint == 'random':
                built = builder.from_config(config, trust_remote_code=False)
            else:
                built = builder.from_pretrained(network, trust_remote_code=False, use_safetensors=True)
        classes = len(prompts) if prompts else None if kind in ('features', 'depth') else config.num_labels
        if kind == 'features':
            built = getattr(built, 'vision_model', built)  # the part of CLIP that sees images
        super().__init__(built, kind, classes, self_label_threshold)
        self.processor = processor
        if getattr(processor, 'rescale_offset', False):
            raise UserError(f"the processor of '{network}' has rescale_offset, which is not supported. Take another")
        # What the processor makes of white on 0..255, before it normalises.
        white = 255 * processor.rescale_factor if processor.do_rescale else 255
        self.white = 1.0 if math.isclose(white, 1) else white
        self.resize = resize
        self.any_size = 'interpolate_pos_encoding' in inspect.signature(built.forward).parameters
        prompted = None
        if prompts:
            with explained(f"the prompts of '{network}' cannot be read"):
                tokenizer = transformers.AutoTokenizer.from_pretrained(network, trust_remote_code=False)
                prompted = _embedded(built, tokenizer, prompts)
        self.register_buffer('prompts', prompted, persistent=False)

    def preprocess(self, images: Tensor) -> Tensor:
        """Return images in the network's form, by its own processor."""
        kept = {} if self.resize else dict(do_resize=False, do_center_crop=False)
        scaled = list(images * self.white)
        return self.processor(images=scaled, do_rescale=False, return_tensors='pt', **kept)['pixel_values']

    def scores(self, prepared: Tensor) -> Tensor | tuple:
        """See :meth:`FrozenTask.scores <semrestore.tasks.base.FrozenTask.scores>`.

        A detector's answer is a tuple of scores and boxes, a backbone's its last hidden state.
        """
        if self.prompts is not None:
            features = self.network.get_image_features(**self._inputs(prepared)).pooler_output
            scores = self.network.logit_scale.exp() * F.normalize(features, dim=-1) @ self.prompts.T
            return scores + getattr(self.network, 'logit_bias', 0)
        outputs = self.network(**self._inputs(prepared))
        match self.kind:
            case 'detection':
                return outputs.logits, outputs.pred_boxes
            case 'features':
                return outputs.last_hidden_state
            case 'depth':
                return outputs.predicted_depth[:, None]
        return outputs.logits

    def detect(self, images: Tensor) -> list[InstanceData]:
        """See :meth:`ScoringTask.detect <semrestore.tasks.scoring.ScoringTask.detect>`."""
        sizes = [tuple(images.shape[-2:])] * len(images)
        outputs = self.network(**self._inputs(self.preprocess(images)))
        found = self.processor.post_process_object_detection(outputs, threshold=LEAST_SCORE, target_sizes=sizes)
        return [InstanceData(bboxes=one['boxes'], labels=one['labels'], scores=one['scores']) for one in found]

    def detection_losses(self, images: Tensor, data_samples: Sequence[BaseDataElement]) -> dict[str, Tensor]:
        """Return the detector's own loss, between its boxes and the true ones after matching."""
        height, width = images.shape[-2:]
        side = images.new_tensor((width, height, width, height))
        labels = []
        for sample in data_samples:
            boxes = sample.gt_instances.bboxes.to(images).view(-1, 4)
            classes = sample.gt_instances.labels.to(images.device)
            labels.append(dict(class_labels=classes, boxes=box_convert(boxes, 'xyxy', 'cxcywh') / side))
        return {'loss_det': self.network(**self._inputs(self.preprocess(images)), labels=labels).loss}

    def _inputs(self, prepared: Tensor) -> dict[str, Any]:
        inputs = dict(pixel_values=prepared)
        return {**inputs, 'interpolate_pos_encoding': True} if self.any_size and not self.resize else inputs


def _kind_of(config: Any, network: str) -> Kind:
    name = (config.architectures or [''])[0]
    for ending, kind in ENDINGS.items():
        if name.endswith(ending):
            return kind
    if name.endswith(('Model', 'Backbone')):
        return 'features'
    raise UserError(
        f"'{network}' is a {name or 'network of unknown kind'}; expected one for {', '.join(KINDS)}. Give its"
        ' kind, or prompts for CLIP'
    )


@torch.no_grad()
def _embedded(network: Any, tokenizer: Any, prompts: Sequence[str]) -> Tensor:
    """Return the embeddings of texts, normalised to length 1."""
    longest = network.config.text_config.max_position_embeddings
    tokens = tokenizer(list(prompts), padding='max_length', truncation=True, max_length=longest, return_tensors='pt')
    return F.normalize(network.eval().get_text_features(**tokens).pooler_output, dim=-1)
