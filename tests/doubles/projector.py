"""A projector (mmproj) with random weights for llama.cpp: pictures are taken, turned into tokens, and mean nothing."""

from pathlib import Path

import gguf
import numpy as np

HIDDEN, HEADS, FFN = 64, 2, 128
IMAGE_PX, PATCH_PX = 224, 14


def write_projector(path: Path, width: int, seed: int = 1) -> None:
    """A SigLIP tower of one layer, with the projector of Gemma 3.

    Args:
        path: of the file.
        width: of the language model that it is for (`embedding_length`).
        seed: of the weights.
    """
    chance = np.random.default_rng(seed)
    file = gguf.GGUFWriter(path, "clip")
    file.add_bool("clip.has_vision_encoder", True)
    file.add_string("clip.projector_type", "gemma3")
    for name, number in {
        "image_size": IMAGE_PX,
        "patch_size": PATCH_PX,
        "embedding_length": HIDDEN,
        "feed_forward_length": FFN,
        "block_count": 1,
        "attention.head_count": HEADS,
        "projection_dim": width,
    }.items():
        file.add_uint32(f"clip.vision.{name}", number)
    file.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    file.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    file.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    file.add_bool("clip.use_gelu", True)
    shapes: dict[str, tuple[int, ...]] = {
        "v.patch_embd.weight": (HIDDEN, 3, PATCH_PX, PATCH_PX),
        "v.patch_embd.bias": (HIDDEN,),
        "v.position_embd.weight": ((IMAGE_PX // PATCH_PX) ** 2, HIDDEN),
        "v.blk.0.ffn_up.weight": (FFN, HIDDEN),
        "v.blk.0.ffn_up.bias": (FFN,),
        "v.blk.0.ffn_down.weight": (HIDDEN, FFN),
        "v.blk.0.ffn_down.bias": (HIDDEN,),
        "v.post_ln.weight": (HIDDEN,),
        "v.post_ln.bias": (HIDDEN,),
        "mm.input_projection.weight": (HIDDEN, width),
        "mm.soft_emb_norm.weight": (HIDDEN,),
    }
    for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
        shapes |= {f"v.blk.0.{part}.weight": (HIDDEN, HIDDEN), f"v.blk.0.{part}.bias": (HIDDEN,)}
    for part in ("ln1", "ln2"):
        shapes |= {f"v.blk.0.{part}.weight": (HIDDEN,), f"v.blk.0.{part}.bias": (HIDDEN,)}
    for name, shape in shapes.items():
        file.add_tensor(name, (chance.standard_normal(shape) * 0.05).astype(np.float32))
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()
