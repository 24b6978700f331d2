"""Convolutional models trained on PyTorch: the same digits, split, network, optimizer and epochs, for several seeds.

Usage: train_images.py FOLDER_OF_DIGITS, and a JSON object on standard input: {"model": as in bench/images.ts, "task": "vae" or
"denoise", "epochs": n, "seeds": n}. Prints a list of figures as JSON, one for each seed: minus the test bound in nats per row, or
the mean squared error of restored test images against the clean ones.
"""

import json
import sys

import torch
from images import ImageModel
from train_digits import digits

NOISE = 0.5


def noisy(x):
    return (x + NOISE * torch.randn_like(x)).clamp(0, 1)


def run(train, test, model, task, epochs, seed):
    torch.manual_seed(seed)
    net = ImageModel(**model)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    spoil = noisy if task == "denoise" else lambda x: x
    for _ in range(epochs):
        for rows in torch.randperm(len(train)).split(model["batch"]):
            x = train[rows]
            reconstruction, kl = net.terms(spoil(x), x)
            optimizer.zero_grad(set_to_none=True)
            (reconstruction + kl).mean().backward()
            optimizer.step()
    with torch.no_grad():
        if task == "denoise":
            restored = torch.sigmoid(net.decoder(net.encoder(noisy(test))))
            return (restored - test).square().mean().item()
        reconstruction, kl = net.terms(test)
        return (reconstruction + kl).mean().item()


if __name__ == "__main__":
    request = json.loads(sys.stdin.read())
    torch.set_num_threads(request["threads"])
    train, test = (images.reshape(-1, 1, 28, 28) for images in digits(sys.argv[1]))
    if request["task"] == "vae":
        train, test = (train > 0.5).float(), (test > 0.5).float()
    options = (request["model"], request["task"], request["epochs"])
    print(json.dumps([run(train, test, *options, seed) for seed in range(request["seeds"])]))
