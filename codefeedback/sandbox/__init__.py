"""Running programs under limits, with the answers kept away from them."""
