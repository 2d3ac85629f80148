"""The public names of other systems, over our core: their programs run with another import."""
