"""Policy: rules over a graph, waivers, profiles, and what is told of them."""
