"""Updates-Leak (Salem et al. 2020), a trained attack that ours is compared with."""
