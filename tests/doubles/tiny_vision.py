"""A tiny vision model with random weights in the shape of SmolVLM (Idefics 3), which vLLM serves on a processor.

Run by the Python of the part `vllm`, which has transformers: python tiny_vision.py FOLDER TOKENIZER
"""

# mypy: ignore-errors
import sys

SIDE_PX, PATCH_PX, SCALE = 112, 14, 2
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for p in m['content'] %}{% if p['type'] == 'image' %}<image>{% elif p['type'] == 'text' %}{{ p['text'] }}"
    "{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% endif %}"
)


def write_model(folder: str, tokenizer_folder: str) -> None:
    import torch
    import transformers as hf
    from transformers.models.idefics3.configuration_idefics3 import Idefics3VisionConfig

    tokenizer = hf.AutoTokenizer.from_pretrained(tokenizer_folder)
    rows = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    added = ["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", *rows]
    tokenizer.add_special_tokens({"additional_special_tokens": added})
    text = hf.LlamaConfig(
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=0,
    )
    vision = Idefics3VisionConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=SIDE_PX,
        patch_size=PATCH_PX,
    )
    config = hf.Idefics3Config(
        vision_config=vision.to_dict(),
        text_config=text.to_dict(),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=SCALE,
        pad_token_id=0,
        architectures=["Idefics3ForConditionalGeneration"],
    )
    torch.manual_seed(1)
    hf.Idefics3ForConditionalGeneration(config).to(torch.bfloat16).save_pretrained(folder)
    side = {"longest_edge": SIDE_PX}
    images = hf.Idefics3ImageProcessor(size=side, max_image_size=side, do_image_splitting=False)
    places = (SIDE_PX // PATCH_PX // SCALE) ** 2
    hf.Idefics3Processor(images, tokenizer, image_seq_len=places, chat_template=TEMPLATE).save_pretrained(folder)


if __name__ == "__main__":
    write_model(*sys.argv[1:3])
