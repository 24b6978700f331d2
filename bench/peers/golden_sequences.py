"""Golden values of sequence layers by PyTorch: weights, outputs and gradients, for packages/nn/src/layers/golden.json.

    python3 bench/peers/golden_sequences.py > packages/nn/src/layers/golden.json

Everything is computed in double precision. The loss whose gradients are given is sum_i sin(i + 1) * value_i, over each result's
numbers in order, the results' losses added up.
"""

import json
import sys

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

ROWS, STEPS, FEATURES, UNITS = 3, 5, 2, 3
LENGTHS = [5, 2, 4]


def plain(x):
    return {"shape": list(x.shape), "data": [float(f"{value:.7g}") for value in x.detach().reshape(-1).tolist()]}


def weighted(x):
    return (x.reshape(-1) * torch.sin(torch.arange(x.numel(), dtype=x.dtype) + 1)).sum()


def record(name, module, options, inputs, run):
    """Runs the module and writes down all that goes in and comes out; inputs that are floating get gradients."""
    module = module.double()
    given = {key: value.clone().requires_grad_(value.is_floating_point()) for key, value in inputs.items()}
    results = run(module, **given)
    sum(weighted(value) for value in results.values()).backward()
    return {
        "name": name,
        "options": options,
        "state": {key: plain(value) for key, value in module.state_dict().items()},
        "inputs": {key: plain(value) for key, value in given.items()},
        "results": {key: plain(value) for key, value in results.items()},
        "gradients": {
            **{key: plain(value.grad) for key, value in given.items() if value.grad is not None},
            **{key: plain(value.grad) for key, value in module.named_parameters()},
        },
    }


def recurrent(kind, **options):
    layers, both = options.get("layers", 1), options.get("bidirectional", False)
    make = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[kind]
    extra = {"nonlinearity": options["activation"]} if kind == "rnn" else {}
    module = make(FEATURES, UNITS, num_layers=layers, bidirectional=both, batch_first=True, **extra)
    states = (layers * (2 if both else 1), ROWS, UNITS)
    inputs = {"x": torch.randn(ROWS, STEPS, FEATURES).double(), "h": 0.5 * torch.randn(*states).double()}
    if kind == "lstm":
        inputs["c"] = 0.5 * torch.randn(*states).double()

    def run(module, x, h, c=None):
        state = h if c is None else (h, c)
        if options.get("lengths"):
            packed = pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
            output, last = module(packed, state)
            output, _ = pad_packed_sequence(output, batch_first=True, total_length=STEPS)
        else:
            output, last = module(x, state)
        names = ("h_n", "c_n") if c is not None else ("h_n",)
        return {"output": output, **dict(zip(names, last if c is not None else (last,)))}

    return record(kind, module, options, inputs, run)


def embedding():
    indices = torch.tensor([[1, 0, 3, 3], [2, 1, 1, 0]])
    module = nn.Embedding(5, 3, padding_idx=0)
    return record("embedding", module, {"padding": 0}, {"x": indices}, lambda module, x: {"output": module(x)})


def padding_mask():
    return torch.arange(STEPS)[None, :] >= torch.tensor(LENGTHS)[:, None]


def within(x):
    """0 past each row's end, as ours is."""
    return x * (~padding_mask())[:, :, None]


def attention(lengths, causal):
    width, heads = 4, 2
    module = nn.MultiheadAttention(width, heads, batch_first=True)
    nn.init.normal_(module.in_proj_bias)
    mask = torch.triu(torch.ones(STEPS, STEPS, dtype=torch.bool), 1) if causal else None

    def run(module, x):
        padding = padding_mask() if lengths else None
        output, _ = module(x, x, x, key_padding_mask=padding, attn_mask=mask, need_weights=False)
        return {"output": within(output) if lengths else output}

    inputs = {"x": torch.randn(ROWS, STEPS, width).double()}
    return record("attention", module, {"heads": heads, "lengths": lengths, "causal": causal}, inputs, run)


def transformer():
    width, heads, wide = 4, 2, 6
    module = nn.TransformerEncoderLayer(
        width, heads, dim_feedforward=wide, dropout=0, activation="gelu", batch_first=True, norm_first=True
    )
    nn.init.normal_(module.self_attn.in_proj_bias)

    def run(module, x):
        # What stands past a row's end does not count.
        return {"output": within(module(x, src_key_padding_mask=padding_mask()))}

    inputs = {"x": torch.randn(ROWS, STEPS, width).double()}
    return record("transformer", module, {"heads": heads, "feedForward": wide, "lengths": True}, inputs, run)


def main():
    torch.manual_seed(7)
    cases = [
        recurrent("lstm"),
        recurrent("lstm", layers=2, bidirectional=True, lengths=True),
        recurrent("gru"),
        recurrent("gru", layers=2, bidirectional=True, lengths=True),
        recurrent("rnn", activation="tanh", bidirectional=True),
        recurrent("rnn", activation="relu", lengths=True),
        embedding(),
        attention(lengths=True, causal=False),
        attention(lengths=False, causal=True),
        transformer(),
    ]
    print(f"golden values of PyTorch {torch.__version__}", file=sys.stderr)
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    print(f'{{"torch":"{torch.__version__}","lengths":{json.dumps(LENGTHS)},"cases":[\n{lines}\n]}}')


if __name__ == "__main__":
    main()
