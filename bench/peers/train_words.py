"""The character models of bench/words.ts on PyTorch: the same words, networks, optimizer and epochs, for several seeds.

Reads a JSON object: {"task": "lm" or "vae", "train": words, "test": words, "sizes": as in bench/words.ts, "epochs": n, "seeds": n,
"threads": n}. Prints bits per character of the test words as JSON, one for each seed; ends count as characters.
"""

import json
import math
import sys

import torch
from torch import nn
from torch.nn import functional as F

SYMBOLS = 27  # an end and the letters


def forgetful(lstm):
    """The forget gates' first biases start at 1 more."""
    with torch.no_grad():
        for name, bias in lstm.named_parameters():
            if name.startswith("bias_ih"):
                n = bias.numel() // 4
                bias[n : 2 * n] += 1
    return lstm


def rows_of(words):
    """Tokens [rows, steps], zeros past the ends, and lengths with the end."""
    lengths = torch.tensor([len(word) + 1 for word in words])
    x = torch.zeros(len(words), int(lengths.max()), dtype=torch.long)
    for row, word in enumerate(words):
        x[row, : len(word)] = torch.tensor([ord(letter) - 96 for letter in word])
    return x, lengths


def nats(logits, x, lengths):
    each = F.cross_entropy(logits.transpose(1, 2), x, reduction="none")
    return (each * (torch.arange(x.shape[1]) < lengths[:, None])).sum(1)


class LanguageModel(nn.Module):
    def __init__(self, width, units, **_):
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, width)
        self.lstm = forgetful(nn.LSTM(width, units, batch_first=True))
        self.head = nn.Linear(units, SYMBOLS)

    def loss(self, x, lengths):
        return self.bound(x, lengths).mean()

    def bound(self, x, lengths, samples=1):
        before = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1)
        return nats(self.head(self.lstm(self.embedding(before))[0]), x, lengths)


class Vae(nn.Module):
    def __init__(self, width, units, encoder, latent, freeBits, **_):
        super().__init__()
        self.free_bits = freeBits
        self.embedding = nn.Embedding(SYMBOLS, width)
        self.encoder = forgetful(nn.LSTM(width, encoder, batch_first=True, bidirectional=True))
        self.mean = nn.Linear(2 * encoder, latent)
        self.log_variance = nn.Linear(2 * encoder, latent)
        self.previous = nn.Embedding(SYMBOLS, width)
        self.start = nn.Parameter(torch.zeros(width))
        self.decoder = forgetful(nn.LSTM(latent + width, units, batch_first=True))
        self.head = nn.Linear(units, SYMBOLS)

    def posterior(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(self.embedding(x), lengths, batch_first=True, enforce_sorted=False)
        _, (h, _) = self.encoder(packed)
        h = torch.cat([h[0], h[1]], 1)
        return self.mean(h), self.log_variance(h)

    def reconstruction(self, x, lengths, mean, log_variance):
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        before = torch.cat([self.start.expand(len(x), 1, -1), self.previous(x[:, :-1])], 1)
        code = z[:, None, :].expand(-1, x.shape[1], -1)
        return nats(self.head(self.decoder(torch.cat([code, before], -1))[0]), x, lengths)

    def loss(self, x, lengths):
        mean, log_variance = self.posterior(x, lengths)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        held = kl.mean(0).clamp(min=self.free_bits).sum()
        return self.reconstruction(x, lengths, mean, log_variance).mean() + held

    def bound(self, x, lengths, samples=4):
        mean, log_variance = self.posterior(x, lengths)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        draws = [self.reconstruction(x, lengths, mean, log_variance) for _ in range(samples)]
        return sum(draws) / samples + kl


def run(task, train, test, sizes, epochs, seed):
    torch.manual_seed(seed)
    model = (Vae if task == "vae" else LanguageModel)(**sizes)
    optimizer = torch.optim.Adam(model.parameters(), lr=sizes["rate"])
    x, lengths = rows_of(train)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(sizes["batch"]):
            own = lengths[rows]
            loss = model.loss(x[rows, : int(own.max())], own)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), sizes["clip"])
            optimizer.step()
    x, lengths = rows_of(test)
    with torch.no_grad():
        return model.bound(x, lengths).sum().item() / math.log(2) / lengths.sum().item()


if __name__ == "__main__":
    request = json.loads(sys.stdin.read())
    torch.set_num_threads(request["threads"])
    options = [request[name] for name in ("task", "train", "test", "sizes", "epochs")]
    print(json.dumps([run(*options, seed) for seed in range(request["seeds"])]))
