"""What one notebook or two need, and nothing else of the library:

rings, ring_game    01      a GAN on a ring of Gaussians, and its buttons
arithmetic          02, 10  arithmetic on noise
directions          03      directions in the noise that do one thing
toys                04, 05  densities with exact information
expectations        12      what you expect of each code, sealed before the training
"""
