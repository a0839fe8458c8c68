"""Where images come from: MNIST, a folder of your own, rendered faces, the data sets of torchvision."""

from infogan_lib.data.datasets import from_dataset, from_torchvision
from infogan_lib.data.faces import face_set, face_split
from infogan_lib.data.files import ROOT
from infogan_lib.data.folder import folder
from infogan_lib.data.images import Images, to_float, to_uint8
from infogan_lib.data.mnist import DataError, mnist
from infogan_lib.data.strokes import blur

__all__ = [
    "ROOT",
    "DataError",
    "Images",
    "blur",
    "face_set",
    "face_split",
    "folder",
    "from_dataset",
    "from_torchvision",
    "mnist",
    "to_float",
    "to_uint8",
]
