"""What InfoGAN is. Read in this order:

    codes       one class a kind of code: prior, entropy, encoding, the family of Q
    latent      noise and named codes: the spec, and latents drawn from it
    bound       L_I = H(c) + E[log Q(c|x)]
    objectives  the two-player game on logits; what real images may ask of Q
    networks    G and the trunk, by name
    views       what Q may see of an image when it reads a code
    model       G, and the heads of D and Q on one trunk
    recipe      every number of a training; the report of a step
    steps       eq. 6: what D and Q minimise, what G minimises

and then `training.loop`, which takes the steps. Imports torch and itself, nothing else of the project.
"""
