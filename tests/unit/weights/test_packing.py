from typing import Any

import pytest

from onbox.errors import UsageError
from onbox.weights.packing import Weight, safetensors_weights
from onbox.weights.parts import Part, layer_of, part_of
from onbox.weights.tensors import SAFETENSORS_BITS, Tensor
from tests.unit.weights.checkpoints import Shapes

# One matrix of 512 rows (outputs) and 1024 columns (inputs), as each tool packs it.
ROWS, COLUMNS = 512, 1024
PARAMETERS = ROWS * COLUMNS


def decode(shapes: Shapes, config: dict[str, Any] | None = None) -> list[Weight]:
    tensors = []
    for name, (dtype, shape) in shapes.items():
        tensor = Tensor(name, dtype, shape, 0, "model.safetensors")
        tensors.append(Tensor(name, dtype, shape, tensor.elements * SAFETENSORS_BITS[dtype] // 8, tensor.file))
    return safetensors_weights(tensors, config or {})


def compressed(*groups: tuple[int, list[str]]) -> dict[str, Any]:
    record = {
        f"group_{n}": {"weights": {"num_bits": bits}, "targets": targets} for n, (bits, targets) in enumerate(groups)
    }
    return {"quantization_config": {"quant_method": "compressed-tensors", "config_groups": record}}


PACKED = [
    (
        "mxfp4 blocks",
        {"m_blocks": ("U8", (ROWS, COLUMNS // 32, 16)), "m_scales": ("U8", (ROWS, COLUMNS // 32))},
        {},
        "mxfp4",
        PARAMETERS * 17 / 32,
    ),
    (
        "mxfp4 by compressed-tensors",
        {"m.weight_packed": ("U8", (ROWS, COLUMNS // 2)), "m.weight_scale": ("U8", (ROWS, COLUMNS // 32))},
        {},
        "mxfp4",
        PARAMETERS * 17 / 32,
    ),
    (
        "nvfp4 by modelopt",
        {
            "m.weight": ("U8", (ROWS, COLUMNS // 2)),
            "m.weight_scale": ("F8_E4M3", (ROWS, COLUMNS // 16)),
            "m.weight_scale_2": ("F32", ()),
            "m.input_scale": ("F32", ()),
        },
        {},
        "nvfp4",
        PARAMETERS * 9 / 16 + 8,
    ),
    (
        "nvfp4 by compressed-tensors",
        {
            "m.weight_packed": ("U8", (ROWS, COLUMNS // 2)),
            "m.weight_scale": ("F8_E4M3", (ROWS, COLUMNS // 16)),
            "m.weight_global_scale": ("F32", (1,)),
        },
        {},
        "nvfp4",
        PARAMETERS * 9 / 16 + 4,
    ),
    (
        "gptq 4 bit",
        {
            "m.qweight": ("I32", (COLUMNS // 8, ROWS)),
            "m.qzeros": ("I32", (COLUMNS // 128, ROWS // 8)),
            "m.scales": ("F16", (COLUMNS // 128, ROWS)),
            "m.g_idx": ("I32", (COLUMNS,)),
        },
        {},
        "int4-g128",
        PARAMETERS / 2 + PARAMETERS / 128 * 2.5 + 4 * COLUMNS,
    ),
    (
        "gptq 3 bit",
        {
            "m.qweight": ("I32", (COLUMNS * 3 // 32, ROWS)),
            "m.qzeros": ("I32", (COLUMNS // 128, ROWS * 3 // 32)),
            "m.scales": ("F16", (COLUMNS // 128, ROWS)),
        },
        {},
        "int3-g128",
        PARAMETERS * 3 / 8 + PARAMETERS / 128 * (2 + 3 / 8),
    ),
    (
        "autoround, symmetric, bits from the configuration",
        {"m.qweight": ("I32", (COLUMNS // 4, ROWS)), "m.scales": ("F16", (COLUMNS // 32, ROWS))},
        {"quantization_config": {"quant_method": "auto-round", "bits": 8, "group_size": 32}},
        "int8-g32",
        PARAMETERS + PARAMETERS / 32 * 2,
    ),
    (
        "awq",
        {
            "m.qweight": ("I32", (COLUMNS, ROWS // 8)),
            "m.qzeros": ("I32", (COLUMNS // 128, ROWS // 8)),
            "m.scales": ("F16", (COLUMNS // 128, ROWS)),
        },
        {},
        "int4-g128",
        PARAMETERS / 2 + PARAMETERS / 128 * 2.5,
    ),
    (
        "compressed-tensors int4",
        {
            "m.weight_packed": ("I32", (ROWS, COLUMNS // 8)),
            "m.weight_scale": ("BF16", (ROWS, COLUMNS // 32)),
            "m.weight_shape": ("I64", (2,)),
        },
        compressed((4, ["Linear"])),
        "int4-g32",
        PARAMETERS / 2 + PARAMETERS / 32 * 2 + 16,
    ),
    (
        "compressed-tensors, two widths by target",
        {"m.weight_packed": ("I32", (ROWS, COLUMNS // 4)), "m.weight_scale": ("BF16", (ROWS, 1))},
        compressed((4, ["re:.*experts.*"]), (8, ["re:^m$"])),
        "int8-channel",
        PARAMETERS + ROWS * 2,
    ),
    (
        "mlx",
        {
            "m.weight": ("U32", (ROWS, COLUMNS // 8)),
            "m.scales": ("BF16", (ROWS, COLUMNS // 64)),
            "m.biases": ("BF16", (ROWS, COLUMNS // 64)),
        },
        {"quantization": {"group_size": 64, "bits": 4}},
        "int4-g64",
        PARAMETERS / 2 + PARAMETERS / 64 * 4,
    ),
    (
        "mlx, a module with a group of its own",
        {
            "m.weight": ("U32", (ROWS, COLUMNS // 4)),
            "m.scales": ("BF16", (ROWS, COLUMNS // 32)),
            "m.biases": ("BF16", (ROWS, COLUMNS // 32)),
        },
        {"quantization": {"group_size": 64, "bits": 4, "m": {"group_size": 32, "bits": 8}}},
        "int8-g32",
        PARAMETERS + PARAMETERS / 32 * 4,
    ),
    (
        "mxfp4 by mlx",
        {"m.weight": ("U32", (ROWS, COLUMNS // 8)), "m.scales": ("U8", (ROWS, COLUMNS // 32))},
        {"quantization": {"group_size": 32, "bits": 4, "mode": "mxfp4"}},
        "mxfp4",
        PARAMETERS * 17 / 32,
    ),
    (
        "fp8 with block scales",
        {"m.weight": ("F8_E4M3", (ROWS, COLUMNS)), "m.weight_scale_inv": ("F32", (ROWS // 128, COLUMNS // 128))},
        {},
        "fp8",
        PARAMETERS + 4 * 32,
    ),
    (
        "int8 of bitsandbytes",
        {"m.weight": ("I8", (ROWS, COLUMNS)), "m.SCB": ("F32", (ROWS,))},
        {},
        "int8",
        PARAMETERS + 4 * ROWS,
    ),
    (
        "nf4 of bitsandbytes",
        {
            "m.weight": ("U8", (PARAMETERS // 2, 1)),
            "m.weight.absmax": ("U8", (PARAMETERS // 64,)),
            "m.weight.quant_map": ("F32", (16,)),
            "m.weight.nested_absmax": ("F32", (32,)),
            "m.weight.nested_quant_map": ("F32", (256,)),
            "m.weight.quant_state.bitsandbytes__nf4": ("U8", (120,)),
        },
        {},
        "nf4",
        PARAMETERS / 2 + PARAMETERS / 64 + 64 + 128 + 1024 + 120,
    ),
    (
        "fp4 in I8 with E8M0 scales by DeepSeek",
        {"m.weight": ("I8", (ROWS, COLUMNS // 2)), "m.scale": ("F8_E8M0", (ROWS, COLUMNS // 32))},
        {},
        "mxfp4",
        PARAMETERS * 17 / 32,
    ),
    (
        "fp8 with E8M0 block scales by DeepSeek",
        {"m.weight": ("F8_E4M3", (ROWS, COLUMNS)), "m.scale": ("F8_E8M0", (ROWS // 128, COLUMNS // 128))},
        {},
        "fp8",
        PARAMETERS + 32,
    ),
    (
        "exl3, 3 bits",
        {
            "m.trellis": ("I16", (COLUMNS // 16, ROWS // 16, 48)),
            "m.suh": ("F16", (COLUMNS,)),
            "m.svh": ("F16", (ROWS,)),
            "m.mcg": ("I32", ()),
        },
        {},
        "exl3-3bpw",
        PARAMETERS * 3 / 8 + 2 * (ROWS + COLUMNS) + 4,
    ),
    (
        "w4a16-awq by modelopt: two rows in a byte",
        {
            "m.weight": ("U8", (ROWS // 2, COLUMNS)),
            "m.weight_scale": ("BF16", (ROWS, COLUMNS // 128)),
            "m.pre_quant_scale": ("BF16", (COLUMNS,)),
        },
        {"quantization_config": {"quant_algo": "W4A16_AWQ", "quant_method": "modelopt"}},
        "int4-g128",
        PARAMETERS / 2 + PARAMETERS / 128 * 2 + 2 * COLUMNS,
    ),
    ("bf16", {"m.weight": ("BF16", (ROWS, COLUMNS))}, {}, "bf16", PARAMETERS * 2),
]


@pytest.mark.parametrize(
    ("shapes", "config", "dtype", "nbytes"), [each[1:] for each in PACKED], ids=[e[0] for e in PACKED]
)
def test_every_packing_holds_the_same_matrix(shapes: Shapes, config: Any, dtype: str, nbytes: float) -> None:
    (weight,) = decode(shapes, config)
    assert (weight.name, weight.dtype, weight.parameters, weight.nbytes) == ("m", dtype, PARAMETERS, nbytes)
    assert weight.shape in ((ROWS, COLUMNS), None)
    assert weight.is_matrix


@pytest.mark.parametrize(
    "shapes",
    [
        {"m.weight": ("U8", (4096, 512))},
        {"m.weight": ("I32", (4096, 512))},
        {"m.weight": ("U8", (512, 512)), "m.weight_scale": ("F8_E4M3", (512, 7))},
        {"m.weight_packed": ("I32", (512, 128)), "m.weight_scale": ("BF16", (512, 32))},
        {"m.qweight": ("I32", (100, 512)), "m.scales": ("F16", (8, 511))},
    ],
)
def test_a_packing_that_is_not_understood_is_an_error_that_names_the_tensor(shapes: Shapes) -> None:
    with pytest.raises(UsageError, match=r"model\.safetensors: m\."):
        decode(shapes)


@pytest.mark.parametrize(
    ("method", "name", "dtype", "shape"),
    [
        ("aqlm", "m.codes", "I16", (4096, 512, 1)),
        ("vptq", "m.indices", "I32", (1, 4096, 128)),
        ("spqr", "m.dense_weights", "I64", (1 << 18,)),
        ("marlin", "m.B", "I32", (256, 8192)),
        ("hqq", "m.W_q", "I32", (410, 4096)),
        ("of next year", "m.codes", "I32", (256, 8192)),
    ],
)
def test_codes_in_a_bare_parameter_are_no_table(method: str, name: str, dtype: str, shape: tuple[int, ...]) -> None:
    """Counted as a table, a model of seven billion weights would have no more than its embeddings."""
    with pytest.raises(UsageError, match=rf"{name}: {dtype} .* packing unknown"):
        decode({name: (dtype, shape)}, {"quantization_config": {"quant_method": method}})
    (without,) = decode({"m.table": ("I32", (4096, 512))})
    assert without.parameters == 0


@pytest.mark.parametrize(
    "config",
    [
        {"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}},
        {"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {}}},
        {"quantization_config": {"quant_method": "gptq", "bits": 4, "checkpoint_format": "gptq"}},
        {"quantization": {"group_size": 64, "bits": 4}},
    ],
)
def test_a_table_of_a_model_whose_method_packs_otherwise_is_a_table(config: Any) -> None:
    (table,) = decode({"layers.0.ffn.gate.tid2eid": ("I32", (129280, 6))}, config)
    assert (table.dtype, table.parameters, table.nbytes) == ("i32", 0, 129280 * 6 * 4)


def test_gptq_in_the_format_of_marlin_packs_in_a_bare_parameter() -> None:
    section = {"quant_method": "gptq", "bits": 4, "checkpoint_format": "marlin"}
    with pytest.raises(UsageError, match=r"m\.B: I32 .* packing unknown"):
        decode({"m.B": ("I32", (256, 8192))}, {"quantization_config": section})


def test_small_whole_number_tensors_are_buffers_without_parameters() -> None:
    (weight,) = decode({"model.layers.0.self_attn.position_ids": ("I64", (1, 2048))})
    assert (weight.parameters, weight.nbytes) == (0, 16384)


def test_a_table_of_whole_numbers_is_no_packing_whatever_its_size() -> None:
    (weight,) = decode({"layers.0.ffn.gate.tid2eid": ("I64", (129280, 6))})
    assert (weight.dtype, weight.parameters, weight.nbytes) == ("i64", 0, 129280 * 6 * 8)


def test_a_scale_of_its_own_is_a_parameter() -> None:
    found = decode(
        {"model.layers.0.layer_scale": ("BF16", (64,)), "model.layers.0.mlp.up_proj.weight": ("BF16", (8, 8))}
    )
    assert [each.parameters for each in found] == [64, 64]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("model.embed_tokens", Part.EMBEDDING),
        ("backbone.embeddings", Part.EMBEDDING),
        ("transformer.wte", Part.EMBEDDING),
        ("token_embd", Part.EMBEDDING),
        ("lm_head", Part.LM_HEAD),
        ("language_model.lm_head", Part.LM_HEAD),
        ("output", Part.LM_HEAD),
        ("output_norm", Part.NORM),
        ("model.norm", Part.NORM),
        ("model.layers.3.input_layernorm", Part.NORM),
        ("model.layers.3.post_attention_layernorm", Part.NORM),
        ("blk.3.attn_norm", Part.NORM),
        ("blk.3.ffn_norm", Part.NORM),
        ("model.layers.3.self_attn.q_proj", Part.QKV),
        ("model.layers.3.self_attn.k_norm", Part.QKV),
        ("model.layers.3.self_attn.sinks", Part.QKV),
        ("model.layers.3.self_attn.kv_a_proj_with_mqa", Part.QKV),
        ("transformer.h.3.attn.c_attn", Part.QKV),
        ("blk.3.attn_qkv", Part.QKV),
        ("model.layers.3.self_attn.o_proj.bias", Part.OUTPUT),
        ("transformer.h.3.attn.c_proj", Part.OUTPUT),
        ("blk.3.attn_output", Part.OUTPUT),
        ("model.layers.3.mlp.gate_proj", Part.MLP),
        ("blk.3.ffn_gate", Part.MLP),
        ("model.layers.3.mlp.gate", Part.ROUTER),
        ("model.layers.3.mlp.gate.e_score_correction_bias", Part.ROUTER),
        ("model.layers.3.block_sparse_moe.gate", Part.ROUTER),
        ("blk.3.ffn_gate_inp", Part.ROUTER),
        ("model.layers.3.mlp.shared_expert_gate", Part.ROUTER),
        ("model.layers.3.mlp.experts.17.down_proj", Part.EXPERTS),
        ("model.layers.3.mlp.experts.gate_up_proj", Part.EXPERTS),
        ("model.layers.3.block_sparse_moe.experts.2.w1", Part.EXPERTS),
        ("blk.3.ffn_down_exps", Part.EXPERTS),
        ("model.layers.3.mlp.shared_experts.up_proj", Part.SHARED),
        ("blk.3.ffn_up_shexp", Part.SHARED),
        ("backbone.layers.3.mixer.fc1_latent_proj", Part.SHARED),
        ("backbone.layers.3.mixer.in_proj", Part.LINEAR),
        ("backbone.layers.3.mixer.A_log", Part.LINEAR),
        ("backbone.layers.3.mixer.q_proj", Part.QKV),
        ("backbone.layers.3.mixer.o_proj", Part.OUTPUT),
        ("model.layers.3.linear_attn.out_proj", Part.LINEAR),
        ("blk.3.ssm_in", Part.LINEAR),
        ("model.visual.blocks.3.attn.qkv", Part.VISION),
        ("vision_tower.vision_model.encoder.layers.3.mlp.fc1", Part.VISION),
        ("multi_modal_projector.mm_soft_emb_norm", Part.VISION),
        ("v.blk.3.attn_q", Part.VISION),
        ("mm.input_projection", Part.VISION),
        ("audio_tower.layers.3.fc1", Part.AUDIO),
        ("mtp.layers.0.self_attn.q_proj", Part.DRAFT),
        ("blk.61.nextn.eh_proj", Part.DRAFT),
        ("something.else", Part.OTHER),
    ],
)
def test_parts_by_name(name: str, part: Part) -> None:
    assert part_of(name) is part


def test_layer_numbers() -> None:
    assert layer_of("model.layers.12.mlp.experts.3.up_proj") == 12
    assert layer_of("blk.7.attn_q") == 7
    assert layer_of("lm_head") is None
