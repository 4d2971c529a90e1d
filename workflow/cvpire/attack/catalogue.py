"""What an attack can choose from, by name, for whoever reads a configuration: nothing here imports torch."""

OBJECTIVES = ("descriptor-distance", "descriptor-sum")
"""What can be maximised; the functions are in `cvpire.attack.objectives`."""

RENDERINGS = {
    "eight-bit": "renderings:eight_bit",
}
"""What a perturbed photo can go through before the network sees it: name to `module:function` of `cvpire.attack`."""
