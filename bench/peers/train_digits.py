"""The demo's training on PyTorch: the same digits, split, network, optimizer and epochs, for several seeds.

Usage: train_digits.py FOLDER_OF_DIGITS EPOCHS SEEDS. Prints the test bound of each seed, in nats per row, as JSON.
"""

import json
import sys
from pathlib import Path

import torch
from pytorch import Vae

PIXELS = 784


def digits(folder):
    """Of each class every fifth image is test data, as in the demo."""
    train, test = [], []
    for label in range(10):
        data = json.loads((Path(folder) / f"{label}.json").read_text())["data"]
        images = torch.tensor(data, dtype=torch.float32).reshape(-1, PIXELS)
        chosen = torch.arange(len(images)) % 5 == 4
        test.append(images[chosen])
        train.append(images[~chosen])
    return torch.cat(train), torch.cat(test)


def run(train, test, epochs, seed):
    torch.manual_seed(seed)
    model = Vae(PIXELS, [400], 20)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(train)).split(128):
            reconstruction, kl = model.terms(train[rows])
            optimizer.zero_grad(set_to_none=True)
            (reconstruction + kl).mean().backward()
            optimizer.step()
    with torch.no_grad():
        reconstruction, kl = model.terms(test)
        return (reconstruction + kl).mean().item()


if __name__ == "__main__":
    train, test = digits(sys.argv[1])
    print(json.dumps([run(train, test, int(sys.argv[2]), seed) for seed in range(int(sys.argv[3]))]))
