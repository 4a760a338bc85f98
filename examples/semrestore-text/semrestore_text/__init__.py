"""Text as a task for semrestore: importing this package registers its tasks, scores and data sets."""

from semrestore_text.data import PackText, TextLines
from semrestore_text.detection import TextDetection
from semrestore_text.recognition import TextRecognition
from semrestore_text.scores import TextAccuracy, TextMapIoU

__all__ = ['PackText', 'TextAccuracy', 'TextDetection', 'TextLines', 'TextMapIoU', 'TextRecognition']
