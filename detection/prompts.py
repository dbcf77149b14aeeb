"""The questions of the study: every task with every subject, in one fixed order that mixes both."""

from __future__ import annotations

from typing import Final

TASKS: Final = (
    "Explain {} to a child.",
    "Write a short story about {}.",
    "What are the advantages and the dangers of {}?",
    "Give me a list of ten facts about {}.",
    "Write a poem about {} in four verses.",
    "Summarise the history of {} in one paragraph.",
    "How would you teach a lesson on {}?",
    "Write a dialogue in which two friends argue about {}.",
    "Draft a polite letter to a newspaper about {}.",
    "Invent a company that sells {}, and describe its first year.",
    "Describe {} to somebody who has never heard of it.",
    "Write a Python function that has to do with {}, and explain it.",
    "Compare {} with something that most people confuse it with.",
    "Which three questions about {} has nobody answered yet?",
    "Translate into French: we talked about {} all night.",
    "Write a recipe or a plan for a day that revolves around {}.",
)

SUBJECTS: Final = (
    "tides", "bread", "beekeeping", "public libraries", "volcanoes", "compound interest", "chess", "bicycle repair",
    "the Silk Road", "sleep", "soap", "electric cars", "ballet", "prime numbers", "glaciers", "city maps",
    "honey", "trains", "vaccines", "kites", "the violin", "rainforests", "handwriting", "lighthouses",
    "coffee", "black holes", "gardening", "the printing press", "coral reefs", "jazz", "salt", "satellites",
    "clocks", "whales", "paper", "earthquakes", "markets", "mushrooms", "bridges", "dreams",
    "cheese", "deserts", "robots", "wool", "the moon", "silence", "taxes", "swimming",
    "glass", "migration of birds", "theatre", "rice", "radio", "friendship", "maps of the stars", "elections",
    "tea", "snow", "carpentry", "rivers", "old photographs", "sugar", "football", "gravity",
    "insects", "poetry", "harbours", "magnets", "wine", "castles", "weather forecasts", "memory",
    "shoes", "copper", "islands", "the alphabet", "potatoes", "fireworks", "windmills", "laughter",
)  # fmt: skip


STRIDE: Final = 567
"""Prime to their number, so that a walk in such steps meets every pair once."""


def list_prompts() -> tuple[str, ...]:
    """All of them, 1,280; neighbours share neither task nor subject."""
    count = len(TASKS) * len(SUBJECTS)
    places = (divmod(step * STRIDE % count, len(SUBJECTS)) for step in range(count))
    return tuple(TASKS[task].format(SUBJECTS[subject]) for task, subject in places)
