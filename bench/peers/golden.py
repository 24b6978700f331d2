# Makes the small files of NumPy and PyTorch that the readers are tested with: python3 golden.py ../../packages/onnx/test/golden
import io
import json
import pathlib
import sys
import warnings

import numpy as np
import torch
from torch import nn

warnings.filterwarnings("ignore")
out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(7)


def spread(module):
    """Numbers of their own for every parameter: ones and zeros hide mistakes."""
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn_like(p) * 0.3)
    return module.eval()


# Arrays of every type, in both byte orders, both layouts and all three versions of the format.
types = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"]
arrays = {}
for name in types:
    for order in "<>":
        values = np.array([[0, 1, 2], [3, 4, 5]]) % (2 if name == "b1" else 6)
        for layout in "CF":
            data = np.array(values, dtype=np.dtype(order + name), order=layout)
            version = {"<C": (1, 0), "<F": (2, 0), ">C": (3, 0), ">F": (1, 0)}[order + layout]
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, data, version=version)
            arrays[f"{order}{name}{layout}"] = buffer.getvalue().hex()
for name, data in {
    "scalar": np.float32(2.5),
    "empty": np.zeros((0, 3), "f4"),
    "vector": np.arange(3.0),
    "cube": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
    "edges": np.array([np.nan, np.inf, -np.inf, -0.0, 65504, 6e-8], "f2"),
    "large": np.array([2**53, -(2**40)], "i8"),
}.items():
    buffer = io.BytesIO()
    np.save(buffer, data)
    arrays[name] = buffer.getvalue().hex()
refused = {
    "complex": np.zeros(2, "c8"),
    "objects": np.array([{}, 1], object),
    "text": np.array(["a", "bc"]),
    "dates": np.array(["2020-01-01"], "M8[D]"),
    "records": np.zeros(2, [("a", "f4"), ("b", "i4")]),
    "long double": np.zeros(2, np.longdouble),
}
for name, data in refused.items():
    buffer = io.BytesIO()
    np.save(buffer, data, allow_pickle=True)
    refused[name] = buffer.getvalue().hex()
(out / "npy.json").write_text(json.dumps({"arrays": arrays, "refused": refused}, indent=1) + "\n")
named = {"a": np.arange(6, dtype="f4").reshape(2, 3), "b/c": np.asfortranarray(np.arange(4.0).reshape(2, 2)), "n": np.int64(9)}
np.savez(out / "stored.npz", **named)
np.savez_compressed(out / "deflated.npz", **named)

# Networks of PyTorch: state dictionaries, ONNX files, and what they compute.
x = torch.randn(6, 5)
results = {"x": x.numpy()}
activations = {
    "identity": nn.Identity(),
    "relu": nn.ReLU(),
    "leakyRelu": nn.LeakyReLU(),
    "elu": nn.ELU(),
    "selu": nn.SELU(),
    "gelu": nn.GELU(),
    "silu": nn.SiLU(),
    "mish": nn.Mish(),
    "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(),
    "softplus": nn.Softplus(),
    "hardSigmoid": nn.Hardsigmoid(),
    "hardTanh": nn.Hardtanh(),
}
for name, layer in activations.items():
    results[f"activation {name}"] = layer(x * 3).numpy()


def keep(name, module, inputs=x, **options):
    with torch.no_grad():
        results[name] = module(inputs).numpy()
    torch.save(module.state_dict(), out / f"{name}.pt")
    torch.onnx.export(
        module, inputs, str(out / f"{name}.onnx"), opset_version=17, input_names=["x"], output_names=["y"],
        dynamic_axes={"x": {0: "N"}, "y": {0: "N"}}, **options,
    )


keep("mlp", spread(nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.LayerNorm(8), nn.Linear(8, 3), nn.Tanh())))
keep("deep", spread(nn.Sequential(*[each for act in activations.values() for each in (nn.Linear(5, 5), act)], nn.Linear(5, 4), nn.Softmax(-1))))
keep("no-bias", spread(nn.Sequential(nn.Linear(5, 4, bias=False), nn.Dropout(0.5), nn.SiLU(), nn.Linear(4, 2, bias=False))))
cube = torch.randn(3, 2, 4)
results["cube"] = cube.numpy()
keep("flat", spread(nn.Sequential(nn.Flatten(), nn.Linear(8, 2), nn.ELU())), cube)


class Vae(nn.Module):
    """As PyTorch's own example has it, smaller."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(5, 6), nn.Linear(6, 2), nn.Linear(6, 2)
        self.fc3, self.fc4 = nn.Linear(2, 6), nn.Linear(6, 5)

    def forward(self, x):
        h = torch.relu(self.fc1(x))
        mean, logvar = self.fc21(h), self.fc22(h)
        return mean, logvar, torch.sigmoid(self.fc4(torch.relu(self.fc3(mean))))


vae = spread(Vae())
torch.save(vae.state_dict(), out / "vae.pt")
with torch.no_grad():
    for name, value in zip(["vae mean", "vae logvar", "vae restored"], vae(x)):
        results[name] = value.numpy()

# A checkpoint as training scripts write them, with all types, strides and shared numbers.
base = torch.arange(12.0).reshape(3, 4)
types = {
    "half": torch.tensor([1.5, -2, 65504]).half(),
    "bfloat": torch.tensor([1.5, -2, 3e38]).bfloat16(),
    "double": torch.tensor([1e-300, 0.1]).double(),
    "long": torch.tensor([2**53, -3]),
    "int": torch.tensor([7, -8]).int(),
    "short": torch.tensor([7, -8]).short(),
    "char": torch.tensor([7, -8]).to(torch.int8),
    "byte": torch.tensor([7, 248]).to(torch.uint8),
    "bool": torch.tensor([True, False]),
}
checkpoint = {
    "epoch": 3,
    "loss": 0.25,
    "note": "größer",
    "flags": [True, None, -1, 2**40],
    "model": {
        "transposed": base.t(),
        "column": base[:, 1],
        "corner": base[1:, 2:],
        "scalar": torch.tensor(5.0),
        "empty": torch.zeros(0, 3),
        "parameter": nn.Parameter(torch.ones(2)),
        "size": base.shape,
    },
    "types": types,
    "list": [base, (base[0],)],
}
torch.save(checkpoint, out / "checkpoint.pt")
for group in (checkpoint["model"], types):
    for name, value in group.items():
        if isinstance(value, torch.Tensor):
            results[f"checkpoint {name}"] = value.detach().double().numpy()
torch.save(base, out / "tensor.pt")
torch.save({"w": base}, out / "old.pt", _use_new_zipfile_serialization=False)
torch.save(nn.Linear(2, 2), out / "module.pt")
torch.save({"loss": np.float64(1)}, out / "numpy.pt")
np.savez(out / "results.npz", **results)
