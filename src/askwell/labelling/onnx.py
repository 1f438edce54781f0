"""The trained model for programs without torch: ONNX, with the T draws as constants.

    features (N, F), or images (N, 3, S, S) from 0 to 1 where the trunk is in it
    → probabilities (N, C), entropy (N,), mutual_information (N,), in nats

The graph knows no chance: draw t has its dropout mask folded into its weights.
"""

import tempfile
import warnings
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from askwell.labelling.files import write_aside
from askwell.labelling.head import fold
from askwell.labelling.model import LabelModel
from askwell.models.backbone import Trunk
from askwell.models.weights import require_package
from askwell.posterior.dropout import DropoutDraws

OUTPUTS = ("probabilities", "entropy", "mutual_information")


class FoldedHead(nn.Module):
    """Features → (p̄, H[p̄], H[p̄] − mean_t H[p_t]) under fixed draws, without any chance."""

    weights: Tensor

    def __init__(self, draws: DropoutDraws, trunk: Trunk | None = None) -> None:
        super().__init__()
        folded = fold(draws)
        self.trunk = None if trunk is None else nn.Sequential(_Normalised(trunk), trunk.body)
        self.hidden, self.last_bias = folded.hidden, folded.last.bias.detach()
        self.draws, self.classes = len(folded.weights), folded.last.out_features
        self.register_buffer("weights", folded.weights.flatten(0, 1))  # T·C H

    def forward(self, x: Float[Tensor, "N ..."]) -> tuple[Tensor, Tensor, Tensor]:
        """As the class says."""
        if self.trunk is not None:
            x = self.trunk(x)
        h = torch.relu(self.hidden(x))  # N H
        logits = (h @ self.weights.t()).view(-1, self.draws, self.classes) + self.last_bias
        logs = logits.log_softmax(dim=2)  # N T C
        each = logs.exp()
        probs = each.mean(dim=1)
        # The smallest normal number stands for 0 in the logarithm: 0 · log is 0 all the same.
        entropy = -(probs * probs.clamp_min(1e-38).log()).sum(dim=1)
        expected = -(each * logs).sum(dim=2).mean(dim=1)
        return probs, entropy, (entropy - expected).clamp_min(0.0)


class _Normalised(nn.Module):
    """Images (N, 3, S, S) from 0 to 1 as the trunk's network sees them."""

    mean: Tensor
    std: Tensor

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.register_buffer("mean", trunk.mean)
        self.register_buffer("std", trunk.std)

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.std


def export_onnx(path: Path, model: LabelModel, trunk: Trunk | None = None) -> None:
    """Write a model as ONNX (opset 18), with the trunk where it is given.

    Raises:
        ModelError: onnx or onnxscript is not installed, or it is another trunk than the model's.
        RunError: the system refuses.
    """
    require_package("onnx", "onnx")
    require_package("onnxscript", "onnxscript")
    if trunk is not None:
        model.check_trunk(trunk)
    network = FoldedHead(model.draw(), trunk).eval()
    size = model.image_size
    example = torch.rand(2, network.hidden.in_features if trunk is None else 3)
    if trunk is not None:
        example = torch.rand(2, 3, size, size)
    name = "features" if trunk is None else "images"
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own making
        file = Path(folder) / "model.onnx"
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            verbose=False,
            input_names=[name],
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: torch.export.Dim("N")},),
            opset_version=18,
        )
        assert program is not None
        program.save(str(file), external_data=False)
        write_aside(path, file.read_bytes())
