"""Least-squares GAN, numpy draws, labels one-hot, and a mean squared error for the continuous codes."""

import argparse
import itertools

import numpy as np
import torch
import torch.nn as nn

opt = argparse.Namespace(latent_dim=10, n_classes=6, code_dim=2, img_size=8, lr=0.002, b1=0.5, b2=0.999)
lambda_cat, lambda_con = 1, 0.1
FloatTensor = torch.FloatTensor
LongTensor = torch.LongTensor


def to_categorical(y, num_columns):
    y_cat = np.zeros((y.shape[0], num_columns))
    y_cat[range(y.shape[0]), y] = 1.0
    return FloatTensor(y_cat)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(opt.latent_dim + opt.n_classes + opt.code_dim, 32 * 4)
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(32),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(32, 32, 3, stride=1, padding=1),
            nn.BatchNorm2d(32),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(32, 1, 3, stride=1, padding=1),
            nn.Tanh(),
        )

    def forward(self, noise, labels, code):
        gen_input = torch.cat((noise, labels, code), -1)
        out = self.l1(gen_input).view(-1, 32, 2, 2)
        return self.conv_blocks(out)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_blocks = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Dropout2d(0.25),
            nn.Conv2d(16, 32, 3, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Dropout2d(0.25),
            nn.BatchNorm2d(32),
        )
        self.adv_layer = nn.Sequential(nn.Linear(32 * 4, 1))
        self.aux_layer = nn.Sequential(nn.Linear(32 * 4, opt.n_classes))
        self.latent_layer = nn.Sequential(nn.Linear(32 * 4, opt.code_dim))

    def forward(self, img):
        out = self.conv_blocks(img)
        out = out.view(out.shape[0], -1)
        return self.adv_layer(out), self.aux_layer(out), self.latent_layer(out)


adversarial_loss = torch.nn.MSELoss()
categorical_loss = torch.nn.CrossEntropyLoss()
continuous_loss = torch.nn.MSELoss()
generator = Generator()
discriminator = Discriminator()
optimizer_G = torch.optim.Adam(generator.parameters(), lr=opt.lr, betas=(opt.b1, opt.b2))
optimizer_D = torch.optim.Adam(itertools.chain(discriminator.parameters()), lr=opt.lr, betas=(opt.b1, opt.b2))


def dataloader(n):
    """A stripe of random phase and slope, in [-1, 1]."""
    v, h = np.meshgrid(np.linspace(-1, 1, 8), np.linspace(-1, 1, 8))
    phase, turn = np.random.uniform(-3, 3, (n, 1, 1, 1)), np.random.randint(0, 6, (n, 1, 1, 1)) * np.pi / 6
    return FloatTensor(np.sin(3 * (np.cos(turn) * v + np.sin(turn) * h) + phase))


def sample_codes(batch_size):
    z = FloatTensor(np.random.normal(0, 1, (batch_size, opt.latent_dim)))
    labels = np.random.randint(0, opt.n_classes, batch_size)
    code = FloatTensor(np.random.uniform(-1, 1, (batch_size, opt.code_dim)))
    return z, labels, code


def information_loss(pred_label, pred_code, labels, code):
    gt_labels = LongTensor(labels)
    return lambda_cat * categorical_loss(pred_label, gt_labels) + lambda_con * continuous_loss(pred_code, code)


def generator_loss(gen_imgs, labels, code):
    validity, pred_label, pred_code = discriminator(gen_imgs)
    valid = FloatTensor(gen_imgs.shape[0], 1).fill_(1.0)
    return adversarial_loss(validity, valid) + information_loss(pred_label, pred_code, labels, code)


def discriminator_loss(real_imgs, gen_imgs, labels, code):
    valid = FloatTensor(real_imgs.shape[0], 1).fill_(1.0)
    fake = FloatTensor(gen_imgs.shape[0], 1).fill_(0.0)
    real_pred, _, _ = discriminator(real_imgs)
    fake_pred, pred_label, pred_code = discriminator(gen_imgs.detach())
    d_loss = (adversarial_loss(real_pred, valid) + adversarial_loss(fake_pred, fake)) / 2
    return d_loss + information_loss(pred_label, pred_code, labels, code)


def train(n_batches):
    for _ in range(n_batches):
        z, labels, code = sample_codes(64)
        gen_imgs = generator(z, to_categorical(labels, opt.n_classes), code)
        optimizer_G.zero_grad()
        generator_loss(gen_imgs, labels, code).backward()
        optimizer_G.step()
        optimizer_D.zero_grad()
        discriminator_loss(dataloader(64), gen_imgs, labels, code).backward()
        optimizer_D.step()


def sample_image(*inputs):
    generator.eval()
    gen_imgs = generator(*inputs)
    generator.train()
    return gen_imgs.data


# ------------ preflight ------------


def draw(n):
    z, labels, code = sample_codes(n)
    return (z, to_categorical(labels, opt.n_classes), code), {"label": LongTensor(labels), "code": code}


def check():
    from infogan_lib.measure.preflight import logits, point

    return dict(
        generator=generator,
        discriminator=lambda x: discriminator(x)[0],
        q=lambda x: discriminator(x)[1:],
        read=lambda out: {"label": logits(out[0]), "code": point(out[1])},
        sample=draw,
        loss_d=lambda real, fake, c: discriminator_loss(real, fake, c["label"], c["code"]),
        loss_g=lambda fake, c: generator_loss(fake, c["label"], c["code"]),
        optimisers=[optimizer_G, optimizer_D],
        real=dataloader(64),
        generate=sample_image,
        sweep={"code": (-1, 1)},
    )
