"""Servers of OpenAI's API that onbox recognises on a box and knows no more of."""

from onbox.engines.base import EngineFacts, ProcessSigns

FACTS = EngineFacts(
    name="unknown",
    signs=ProcessSigns(
        programs={"mistralrs-server": (), "koboldcpp": (), "text-generation-launcher": ()},
        images=("text-generation", "tgi", "atlas"),
    ),
)
