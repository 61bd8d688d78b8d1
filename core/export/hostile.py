"""Text that tokenizers stumble over: scripts, spaces, marks, numbers, code, words that look like special tokens."""

HOSTILE = [
    "", " ", "  ", "\n", "\t\t", "a", " a", "a ", "  a  b   c    ", "\r\n\r\n", "x\n\n\n  y",
    "Hello, world!", "I'm you're he'll we'd", "I'M YOU'RE", "don\u2019t", "1234567890 1,234.56 3e-10",
    "x=1;y=[2,3]\n\tif x:\n        return {'a': y}", "https://example.org/a?b=c&d=%20#e", "'''\"\"\"```",
    "<|endoftext|>", "a<|endoftext|>b", "<s></s>[UNK]", "##piece", "\u2581block", "\u0120byte",
    "naïve café Über", "cafe\u0301", "你好，世界。", "こんにちは", "Здравствуй", "مرحبا", "नमस्ते",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467", "½ ² Ⅶ ١٢٣",
    "\u00a0\u2003\u3000", "zero\u200bwidth", "\ufeffbom", "a\u0000b", "\u2028line\u2029paragraph",
    "e" * 300, "word " * 50,
]  # fmt: skip
