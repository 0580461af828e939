"""Words that are drawn into pictures: plain, unlike each other, and none that an answer would use by itself."""

_TEXT = """
acorn almond amber anchor antler apron arrow autumn badger bamboo banjo barley basil beacon beaver bishop blanket
blossom bonnet bottle branch breeze bridge bronze bucket buffalo button cabin cactus camel candle canyon carbon cargo
carpet castle cedar cellar chalk cherry chimney cinder cipher citrus clover cobalt cobra coffee comet copper coral
cotton coyote cradle crater cricket crystal cymbal dagger daisy desert diamond dolphin donkey dragon drizzle eagle
easel ember emerald engine falcon feather fennel ferry fiddle flannel flint forest fossil fountain foxglove freckle
galaxy gallop garlic garnet geyser ginger glacier goblet gondola granite gravel guitar hammer harbor harvest hazel
hedgehog helmet hermit heron hickory hollow honey hornet iceberg igloo indigo island ivory jacket jaguar jasmine
jigsaw juniper kayak kernel kettle kitten ladder lagoon lantern lava lemon leopard lettuce lilac linen lizard lobster
locket magnet mango maple marble marsh meadow melon meteor mitten molasses monsoon mosaic mountain mulberry mustard
nectar nettle nickel nutmeg oatmeal ocean olive onion opal orchard orchid osprey otter oyster paddle panther papaya
parsley peacock pebble pelican pepper petunia pigeon pillow pine pistachio planet plum pocket poppy prairie pretzel
prism puffin pumpkin puzzle quartz quilt rabbit radish raven ribbon river robin rocket saddle saffron salmon sandal
sapphire satchel scarlet shovel shuttle silver sparrow spider spinach sponge squirrel starling stork summit sunset
tambourine tangerine teapot temple thimble thistle thunder tiger timber toffee tomato topaz tortoise tractor trumpet
tulip tundra turnip turtle velvet violin volcano walnut walrus warbler willow window winter wizard yarrow zebra zephyr
zipper
"""
WORDS = tuple(_TEXT.split())
