"""Golden values of image and signal layers by PyTorch: weights, outputs and gradients, for
packages/nn/src/layers/convolution/golden.json.

    python3 bench/peers/golden_images.py > packages/nn/src/layers/convolution/golden.json

Everything is computed in double precision. Inputs and results are written with their channels last, weights as PyTorch has
them. The loss whose gradients are given is sum_i sin(i + 1) * value_i over the result's numbers in that order.
"""

import json

import torch
from torch import nn
from torch.nn import functional as F


def plain(x):
    return {"shape": list(x.shape), "data": [float(f"{value:.7g}") for value in x.detach().double().reshape(-1).tolist()]}


def channels_last(x):
    return x.movedim(1, -1) if x.dim() > 2 else x


def channels_first(x):
    return x.movedim(-1, 1) if x.dim() > 2 else x


def record(name, module, shape, options=None, training=True):
    """Runs the module on rows of this shape, channels last, and writes down all that goes in and comes out."""
    module = module.double().train(training)
    x = torch.randn(*shape).double().requires_grad_()
    state = {key: plain(value) for key, value in module.state_dict().items()}
    y = channels_last(module(channels_first(x))).contiguous()
    (y.reshape(-1) * torch.sin(torch.arange(y.numel(), dtype=y.dtype) + 1)).sum().backward()
    case = {
        "name": name,
        "options": options or {},
        "training": training,
        "state": state,
        "x": plain(x),
        "y": plain(y),
        "gradients": {"x": plain(x.grad), **{key: plain(value.grad) for key, value in module.named_parameters()}},
    }
    if any(True for _ in module.buffers()):
        case["after"] = {key: plain(value) for key, value in module.named_buffers()}
    return case


def conv(kind, channels, features, kernel, shape, **options):
    """Options as PyTorch has them."""
    module = getattr(nn, kind)(channels, features, kernel, **options)
    return record(kind, module, shape, {"channels": channels, "features": features, "kernel": kernel, **options})


def norm(kind, size, shape, training=True, **options):
    module = getattr(nn, kind)(*([size] if isinstance(size, int) else size), **options)
    with torch.no_grad():
        for value in module.parameters():
            value.normal_(1, 0.5)
        for key, value in module.named_buffers():
            if key == "running_mean":
                value.normal_()
            if key == "running_var":
                value.uniform_(0.5, 2)
    return record(kind, module, shape, {"size": size, **options}, training)


class RmsNorm(nn.Module):
    """PyTorch 2's, by its formula."""

    def __init__(self, features, eps):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.empty(features).normal_(1, 0.5))

    def forward(self, x):
        last = channels_last(x)
        return channels_first(last * torch.rsqrt(last.square().mean(-1, keepdim=True) + self.eps) * self.weight)


class SqueezeExcitation(nn.Module):
    """torchvision's, with linear layers."""

    def __init__(self, channels, squeezed):
        super().__init__()
        self.fc1 = nn.Linear(channels, squeezed)
        self.fc2 = nn.Linear(squeezed, channels)

    def forward(self, x):
        scale = torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3))))))
        return x * scale[:, :, None, None]


class Residual(nn.Module):
    """relu(bn(conv(x)) + x) with a strided projection."""

    def __init__(self, channels, features):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, features, 3, 2, 1, bias=False), nn.BatchNorm2d(features))
        self.shortcut = nn.Sequential(nn.Conv2d(channels, features, 1, 2))

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


class Separable(nn.Sequential):
    def __init__(self, channels, multiplier, features):
        super().__init__(
            nn.Conv2d(channels, channels * multiplier, 3, padding=1, groups=channels, bias=False),
            nn.Conv2d(channels * multiplier, features, 1),
        )


def main():
    torch.manual_seed(0)
    image = [2, 5, 6, 2]
    cases = [
        conv("Conv1d", 2, 3, 3, [2, 7, 2], stride=2, padding=2, dilation=2),
        conv("Conv1d", 4, 4, 4, [1, 6, 4], padding="same", groups=2, bias=False),
        conv("Conv2d", 2, 3, [3, 2], image, stride=[2, 1], padding=[1, 0]),
        conv("Conv2d", 2, 9, 3, image, padding=1),
        conv("Conv2d", 2, 2, 4, image, padding="same", dilation=[1, 2]),
        conv("Conv2d", 4, 4, 3, [1, 4, 5, 4], padding=1, groups=4, stride=2),
        conv("Conv2d", 2, 4, 3, [1, 3, 3, 2], padding=1, groups=2),
        conv("Conv2d", 2, 1, 3, image, padding=1, padding_mode="reflect"),
        conv("Conv2d", 2, 1, 3, image, padding=[2, 1], padding_mode="replicate"),
        conv("Conv2d", 2, 1, 3, image, padding=[2, 1], padding_mode="circular"),
        conv("ConvTranspose1d", 2, 3, 4, [2, 4, 2], stride=3, padding=1, output_padding=2),
        conv("ConvTranspose2d", 2, 3, 3, [2, 3, 2, 2], stride=2, padding=1, output_padding=1),
        conv("ConvTranspose2d", 4, 2, [2, 3], [1, 2, 3, 4], stride=[3, 1], dilation=[2, 1], groups=2),
        record("MaxPool2d", nn.MaxPool2d(2), image, {"kernel_size": 2}),
        record("MaxPool2d", nn.MaxPool2d(3, 2, 1, ceil_mode=True), image,
               {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
        record("MaxPool2d", nn.MaxPool2d(2, 1, dilation=[2, 3]), image,
               {"kernel_size": 2, "stride": 1, "dilation": [2, 3]}),
        record("MaxPool1d", nn.MaxPool1d(3, 2), [2, 7, 2], {"kernel_size": 3, "stride": 2}),
        record("AvgPool2d", nn.AvgPool2d([2, 3], padding=[1, 1]), image,
               {"kernel_size": [2, 3], "padding": [1, 1], "count_include_pad": True}),
        record("AvgPool2d", nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), image,
               {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}),
        record("AvgPool2d", nn.AvgPool2d(3, 2, 1, ceil_mode=True), image,
               {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": True}),
        record("AvgPool1d", nn.AvgPool1d(2), [2, 7, 2], {"kernel_size": 2, "count_include_pad": True}),
        record("Upsample", nn.Upsample(scale_factor=2), [1, 2, 3, 2], {"factor": 2}),
        record("Upsample", nn.Upsample(size=[4, 3]), image, {"size": [4, 3]}),
        record("Upsample", nn.Upsample(size=[7, 4], mode="bilinear"), image, {"size": [7, 4], "mode": "bilinear"}),
        record("Upsample", nn.Upsample(size=[5], mode="linear"), [1, 3, 2], {"size": [5], "mode": "bilinear"}),
        record("PixelShuffle", nn.PixelShuffle(2), [1, 2, 3, 8], {"factor": 2}),
        record("PixelUnshuffle", nn.PixelUnshuffle(2), [1, 4, 2, 2], {"factor": 2}),
        norm("BatchNorm2d", 3, [2, 2, 3, 3]),
        norm("BatchNorm2d", 3, [2, 2, 3, 3], eps=1e-3, momentum=0.01),
        norm("BatchNorm2d", 3, [2, 2, 3, 3], momentum=None),
        norm("BatchNorm2d", 3, [2, 2, 3, 3], training=False),
        norm("BatchNorm1d", 3, [4, 3]),
        norm("GroupNorm", [2, 4], [2, 3, 2, 4]),
        norm("GroupNorm", [4, 4], [2, 3, 2, 4]),
        record("RmsNorm", RmsNorm(5, 1e-6), [2, 3, 5], {"size": 5}),
        record("SqueezeExcitation", SqueezeExcitation(4, 2), [2, 3, 2, 4], {"channels": 4, "reduction": 2}),
        record("Residual", Residual(2, 3), [2, 5, 4, 2], {"channels": 2, "features": 3}),
        record("Separable", Separable(2, 2, 3), [1, 3, 4, 2], {"channels": 2, "multiplier": 2, "features": 3}),
    ]
    print("[")
    print(",\n".join(json.dumps(case, separators=(",", ":")) for case in cases))
    print("]")


if __name__ == "__main__":
    main()
