"""The LSTM autoencoder of bench/sequences.ts on PyTorch: the decoder gets the code at every step."""

import torch
from torch import nn


class Autoencoder(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.encoder = nn.LSTM(1, units, batch_first=True)
        self.decoder = nn.LSTM(units, units, batch_first=True)
        self.head = nn.Linear(units, 1)

    def errors(self, x):
        _, (h, _) = self.encoder(x)
        y, _ = self.decoder(h[-1][:, None, :].expand(-1, x.shape[1], -1))
        return (self.head(y) - x).square().sum((1, 2))


def waves(shape, bound=1.0):
    """The numbers of bench/sequences.ts."""
    i = torch.arange(1, torch.Size(shape).numel() + 1, dtype=torch.float64)
    return (bound * torch.sin(i * i)).float().reshape(shape)


def autoencoder(units):
    model = Autoencoder(units)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(waves(parameter.shape, 0.0 if "bias" in name else units**-0.5))
    return model


def lstm_step(steps, units, batch, **_):
    model = autoencoder(units)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    x = waves([batch, steps, 1])

    def step():
        loss = model.errors(x).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def lstm_score(steps, units, **_):
    model = autoencoder(units).eval()
    row = waves([steps]).tolist()

    def run():
        with torch.no_grad():
            return model.errors(torch.tensor([row])[:, :, None]).item()

    return run


WORK = {"lstmStep": lstm_step, "lstmScore": lstm_score}
