"""Small BitTorrent swarms in network namespaces, recorded from the bridge between them."""
