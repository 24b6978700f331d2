"""Models of images as bench/images.ts describes them, on PyTorch: the same layers, sizes and work.

Keras's 'same' padding of a strided convolution is one-sided; here it is 1 on both sides, which gives the same sizes and costs
the same.
"""

import torch
from torch import nn
from torch.nn import functional as F


def network(layers, shape, last_linear):
    """A list of layers for images of a shape [channels, height, width], and the shape that comes out."""
    made = []
    for i, layer in enumerate(layers):
        kind, features, stride = layer["layer"], layer.get("features"), layer.get("stride")
        active = True
        if kind == "conv":
            padding = 0 if layer.get("valid") else 1
            made.append(nn.Conv2d(shape[0], features, 3, stride, padding))
            shape = [features, *[(size + 2 * padding - 3) // stride + 1 for size in shape[1:]]]
        elif kind == "transposed":
            made.append(nn.ConvTranspose2d(shape[0], features, 3, stride, 1, stride - 1))
            shape = [features, *[size * stride for size in shape[1:]]]
        elif kind == "maxPool":
            made.append(nn.MaxPool2d(2, ceil_mode=True))
            shape, active = [shape[0], *[(size + 1) // 2 for size in shape[1:]]], False
        elif kind == "dense":
            inputs = torch.Size(shape).numel()
            made.extend([nn.Flatten(), nn.Linear(inputs, layer["units"])])
            shape = [layer["units"]]
        else:
            height, width, channels = layer["shape"]
            shape, active = [channels, height, width], False
            made.append(nn.Unflatten(1, shape))
        if active and not (last_linear and i == len(layers) - 1):
            made.append(nn.ReLU())
    return nn.Sequential(*made), shape


class ImageModel(nn.Module):
    """A VAE, or an autoencoder where `latent` is None, of 28×28 grey images."""

    def __init__(self, encoder, latent, decoder, **_):
        super().__init__()
        self.encoder, shape = network(encoder, [1, 28, 28], False)
        self.latent = latent
        if latent is not None:
            self.codes = nn.Sequential(nn.Flatten(), nn.Linear(torch.Size(shape).numel(), 2 * latent))
            shape = [latent]
        self.decoder, _ = network(decoder, shape, True)

    def code(self, x):
        return self.codes(self.encoder(x)).chunk(2, 1)

    def terms(self, x, target=None):
        """−log p(x | z) summed over pixels, and the KL, of each row."""
        if self.latent is None:
            logits, kl = self.decoder(self.encoder(x)), 0.0
        else:
            mean, log_variance = self.code(x)
            logits = self.decoder(mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean))
            kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        target = x if target is None else target
        return F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum((1, 2, 3)), kl


def step(model, **_):
    net = ImageModel(**model)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    x = torch.rand(model["batch"], 1, 28, 28)

    def run():
        reconstruction, kl = net.terms(x)
        loss = (reconstruction + kl).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    return run


def encode(model, **_):
    net = ImageModel(**model).eval()
    row = [0.5] * 784

    def run():
        with torch.no_grad():
            return net.code(torch.tensor(row).reshape(1, 1, 28, 28))[0].tolist()

    return run


def convolution(of, **options):
    size, channels, features, stride, batch = (of[k] for k in ("size", "channels", "features", "stride", "batch"))
    x = torch.rand(batch, channels, size, size)
    y = torch.rand(batch, features, size // stride, size // stride)
    w = torch.rand(features, channels, 3, 3)
    run = options["pass"]
    if run == "forward":
        return lambda: F.conv2d(x, w, None, stride, 1)
    if run == "input":
        return lambda: F.conv_transpose2d(y, w, None, stride, 1, stride - 1)
    return lambda: torch.ops.aten.convolution_backward(
        y, x, w, None, [stride] * 2, [1, 1], [1, 1], False, [0, 0], 1, [False, True, False]
    )


def max_pool(shape, **_):
    images, height, width, channels = shape
    x = torch.rand(images, channels, height, width)
    return lambda: F.max_pool2d(x, 2)


WORK = {"step": step, "encode": encode, "convolution": convolution, "maxPool": max_pool}
