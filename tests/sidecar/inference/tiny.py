"""A tiny random model on disk, made without torch in a fraction of a second."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from sidecar.inference.manifest import build_manifest, write_manifest

VOCABULARY = 260
"""A token for each byte, then these."""
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>")
END = 258
"""<|im_end|>, which ends an answer."""
MAX_CONTEXT = 1024
LAYERS, HIDDEN, HEADS, KV_HEADS, WIDTH, INNER = 2, 32, 4, 2, 8, 64
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_tiny_model(folder: Path, name: str = "tiny", seed: int = 0) -> Path:
    """Writes a model into `folder`/`name`, with its manifest, and returns that folder.

    It has random weights drawn from `seed`, a byte-level tokenizer (token = byte, 256 and on: SPECIAL), a chat
    template of the usual kind, and answers with bytes of any value.
    """
    home = folder / name
    home.mkdir(parents=True)
    save_file(draw_weights(seed), home / "model.safetensors", metadata={"format": "pt"})
    write_json(home / "config.json", CONFIG)
    write_json(home / "generation_config.json", {"eos_token_id": END, "bos_token_id": 256, "pad_token_id": 259})
    write_json(home / "tokenizer.json", build_tokenizer())
    write_json(home / "tokenizer_config.json", TOKENIZER_CONFIG)
    (home / "chat_template.jinja").write_text(TEMPLATE)
    write_manifest(home, build_manifest(name, home))
    return home


CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV_HEADS,
    "head_dim": WIDTH,
    "max_position_embeddings": MAX_CONTEXT,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
    "vocab_size": VOCABULARY,
    "bos_token_id": 256,
    "eos_token_id": END,
    "pad_token_id": 259,
    "dtype": "float32",
}

TOKENIZER_CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": SPECIAL[0],
    "eos_token": SPECIAL[2],
    "pad_token": SPECIAL[3],
    "model_max_length": MAX_CONTEXT,
    "clean_up_tokenization_spaces": False,
}


def draw_weights(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)

    def draw(*shape: int, scale: float = 0.3) -> np.ndarray:
        return (random.standard_normal(shape) * scale).astype(np.float32)

    weights = {
        "model.embed_tokens.weight": draw(VOCABULARY, HIDDEN, scale=1.0),
        "model.norm.weight": np.ones(HIDDEN, dtype=np.float32),
        "lm_head.weight": draw(VOCABULARY, HIDDEN, scale=0.6),
    }
    for layer in range(LAYERS):
        stem = f"model.layers.{layer}"
        weights |= {
            f"{stem}.input_layernorm.weight": np.ones(HIDDEN, dtype=np.float32),
            f"{stem}.post_attention_layernorm.weight": np.ones(HIDDEN, dtype=np.float32),
            f"{stem}.self_attn.q_proj.weight": draw(HEADS * WIDTH, HIDDEN),
            f"{stem}.self_attn.k_proj.weight": draw(KV_HEADS * WIDTH, HIDDEN),
            f"{stem}.self_attn.v_proj.weight": draw(KV_HEADS * WIDTH, HIDDEN),
            f"{stem}.self_attn.o_proj.weight": draw(HIDDEN, HEADS * WIDTH),
            f"{stem}.mlp.gate_proj.weight": draw(INNER, HIDDEN),
            f"{stem}.mlp.up_proj.weight": draw(INNER, HIDDEN),
            f"{stem}.mlp.down_proj.weight": draw(HIDDEN, INNER),
        }
    return weights


def build_tokenizer() -> dict[str, object]:
    """tokenizer.json of a byte-level BPE without merges."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    added = [
        {
            "id": 256 + index,
            "content": text,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for index, text in enumerate(SPECIAL)
    ]
    vocabulary = {letter: byte for byte, letter in enumerate(list_byte_letters())}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": [],
        },
    }


def list_byte_letters() -> list[str]:
    """The letter that stands for each byte in a byte-level vocabulary: itself where it prints, else one from 256 on."""
    printing = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printing else chr(next(others)) for byte in range(256)]


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))
