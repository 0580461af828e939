"""What Ollama does with pictures: the model's own file says whether it sees (`capabilities` of `/api/show`)."""

from onbox.engines.sight import EngineSight

SIGHT = EngineSight(hiding=lambda line: (), remedies=lambda version: {})
