"""The planted tree of toyscapes: which classes are alike, as data (the truth behind Section 5's dendrograms)."""

CLASSES = ("sky", "building", "wall", "road", "pavement", "tree", "hedge", "car", "truck", "person")
PALETTE = (
    (70, 130, 180), (70, 70, 70), (150, 120, 190), (128, 64, 128), (244, 35, 232), (107, 142, 35), (170, 220, 90),
    (0, 0, 142), (0, 150, 160), (220, 20, 60),
)  # fmt: skip
"""Cityscapes' colours, with wall, hedge and truck moved apart from their siblings for colour-blind readers."""

Tree = str | tuple["Tree", ...]
CLASS_TREE: Tree = (
    "sky",
    (("building", "wall"), ("road", "pavement")),
    ("tree", "hedge"),
    (("car", "truck"), "person"),
)
"""Sky; what masons and pavers build; plants; movers. The deeper two classes part, the more alike they are drawn."""
