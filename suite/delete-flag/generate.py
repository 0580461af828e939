"""Other names, another order and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, decoys, shuffle, words

chosen = words(
    {
        "new_checkout": ["one_page", "quick_pay", "fast_lane", "express"],
        "new_checkout_banner": "{new_checkout}_banner",
        "steps_page_by_page": ["steps_in_turn", "classic_steps", "long_way"],
        "steps_in_one_page": ["single_page", "short_way", "steps_at_once"],
        "short_mails": ["brief_mails", "terse_texts", "compact_mails"],
        "web": ["storefront", "portal", "front", "desk"],
        "checkout": ["payment_path", "ordering", "cashdesk"],
        "banner": ["headline", "ribbon", "notice"],
    }
)
shuffle(f"{chosen['web']}/{chosen['checkout']}.py")
decoys(chosen["web"], RANDOM.randint(1, 3))
