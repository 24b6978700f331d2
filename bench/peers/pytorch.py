"""The work on PyTorch, as a process that is told what to prepare and how often to run it.

Says {"version": v} first. Then reads one JSON object a line: {"prepare": name, "of": options} answers {"id": n},
{"run": n, "repeats": r, "byProcessor": b} answers {"milliseconds": per run}, and "value" where the work comes to a number
that others must come to as well, {"memory": true} answers {"peak": peak resident bytes}; whatever fails answers {"error": why}.
Time is taken here, so that the pipe is not part of it.
"""

import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

from images import WORK as IMAGES
from sequences import WORK as SEQUENCES


def matmul(m, n, k, transA, transB, **_):
    a = torch.rand(k, m).t() if transA else torch.rand(m, k)
    b = torch.rand(n, k).t() if transB else torch.rand(k, n)
    return lambda: torch.matmul(a, b)


def elementwise(name, shape, **_):
    x = torch.rand(*shape) * 6 - 3
    return {
        "add": lambda: x + x,
        "exp": lambda: torch.exp(x),
        "tanh": lambda: torch.tanh(x),
        "sigmoid": lambda: torch.sigmoid(x),
        "softplus": lambda: F.softplus(x),
        "sum rows": lambda: x.sum(1),
        "sum columns": lambda: x.sum(0),
    }[name]


class Vae(nn.Module):
    def __init__(self, input, hidden, latent):
        super().__init__()
        stack = lambda sizes: nn.Sequential(
            *[layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), nn.ReLU())]
        )
        self.encoder = stack([input, *hidden])
        self.mean = nn.Linear(hidden[-1], latent)
        self.log_variance = nn.Linear(hidden[-1], latent)
        self.decoder = stack([latent, *reversed(hidden)])
        self.head = nn.Linear(hidden[0], input)

    def terms(self, x):
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        logits = self.head(self.decoder(z))
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        return reconstruction, kl


def vae(input, hidden, latent, batch, **_):
    model = Vae(input, hidden, latent)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    x = torch.rand(batch, input)

    def step():
        reconstruction, kl = model.terms(x)
        loss = (reconstruction + kl).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def score(input, hidden, latent, **_):
    model = Vae(input, hidden, latent).eval()
    row = [0.5] * input

    def run():
        with torch.no_grad():
            reconstruction, kl = model.terms(torch.tensor([row]))
            return (reconstruction + kl).item()

    return run


WORK = {
    "matmul": matmul,
    "elementwise": elementwise,
    "vaeStep": vae,
    "scoreRow": score,
    "image": lambda work, **of: IMAGES[work](**of),
    "sequence": lambda work, **of: SEQUENCES[work](**of),
}
prepared = []


def handle(request):
    if "prepare" in request:
        prepared.append(WORK[request["prepare"]](**request["of"]))
        return {"id": len(prepared) - 1}
    if "run" not in request:
        return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    work, repeats = prepared[request["run"]], request["repeats"]
    clock = time.process_time if request["byProcessor"] else time.perf_counter
    started = clock()
    for _ in range(repeats):
        value = work()
    answer = {"milliseconds": (clock() - started) * 1e3 / repeats}
    return {**answer, "value": value} if isinstance(value, float) else answer


def main():
    torch.set_num_threads(int(sys.argv[1]))
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        try:
            answer = handle(json.loads(line))
        except Exception as error:
            answer = {"error": str(error).split("\n")[0]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
