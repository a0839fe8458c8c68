"""A model class in the manner of Keras: compile(), train_step(data) -> logs, fit(). The step draws its own latents."""

import torch
from torch import nn


class InfoGAN(nn.Module):
    def __init__(self, noise_dim=6, n_classes=4):
        super().__init__()
        self.noise_dim, self.n_classes = noise_dim, n_classes
        self.generator = nn.Sequential(
            nn.Linear(noise_dim + n_classes, 64),
            nn.BatchNorm1d(64),
            nn.LeakyReLU(0.2),
            nn.Linear(64, 64),
            nn.Tanh(),
            nn.Unflatten(1, (1, 8, 8)),
        )
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Dropout(0.2))
        self.validity = nn.Linear(64, 1)
        self.recognition = nn.Sequential(nn.Linear(64, 32), nn.LeakyReLU(0.2), nn.Linear(32, n_classes))

    def compile(self, lr=2e-3):
        d_weights = [*self.features.parameters(), *self.validity.parameters()]
        self.d_optimizer = torch.optim.Adam(d_weights, lr, betas=(0.5, 0.999))
        self.g_optimizer = torch.optim.Adam(self.generator.parameters(), lr, betas=(0.5, 0.999))
        self.q_optimizer = torch.optim.Adam(self.recognition.parameters(), lr, betas=(0.5, 0.999))
        self.bce = nn.BCEWithLogitsLoss()
        self.scce = nn.CrossEntropyLoss()

    def sample_latent(self, batch_size):
        noise = torch.randn(batch_size, self.noise_dim)
        labels = torch.randint(self.n_classes, (batch_size,))
        one_hot = nn.functional.one_hot(labels, self.n_classes).float()
        return torch.cat([noise, one_hot], dim=1), labels

    def train_step(self, real_images):
        batch_size = real_images.shape[0]
        # Train the discriminator
        latent, labels = self.sample_latent(batch_size)
        fake_images = self.generator(latent)
        real_logits = self.validity(self.features(real_images))
        fake_logits = self.validity(self.features(fake_images.detach()))
        d_loss = self.bce(real_logits, torch.ones(batch_size, 1)) + self.bce(fake_logits, torch.zeros(batch_size, 1))
        self.d_optimizer.zero_grad()
        d_loss.backward()
        self.d_optimizer.step()
        # Train the generator and the recognition network
        latent, labels = self.sample_latent(batch_size)
        fake_images = self.generator(latent)
        features = self.features(fake_images)
        adversarial = self.bce(self.validity(features), torch.ones(batch_size, 1))
        info_loss = self.scce(self.recognition(features), labels)
        g_loss = adversarial + 1.0 * info_loss
        self.g_optimizer.zero_grad()
        self.q_optimizer.zero_grad()
        g_loss.backward()
        self.g_optimizer.step()
        self.q_optimizer.step()
        return {"d_loss": d_loss.item(), "g_loss": g_loss.item(), "info_loss": info_loss.item()}

    def fit(self, dataset, steps):
        self.history = [self.train_step(dataset[torch.randint(len(dataset), (64,))]) for _ in range(steps)]


def dataset(n=512):
    """Four kinds of 8 x 8 picture (a lit quarter), each with noise, in [-1, 1]."""
    x = -torch.ones(n, 1, 8, 8)
    for i in range(n):
        a, b = 4 * (i % 2), 4 * (i // 2 % 2)
        x[i, :, a : a + 4, b : b + 4] = 0.8
    return (x + 0.2 * torch.randn_like(x)).clamp(-1, 1)


torch.manual_seed(1)
model = InfoGAN()
model.compile()
data = dataset()


def train(steps):
    model.fit(data, steps)


def predict(latent):
    model.eval()
    with torch.no_grad():
        images = model.generator(latent)
    model.train()
    return images


def check():
    from infogan_lib.measure.preflight import logits

    def draw(n):
        latent, labels = model.sample_latent(n)
        return latent, {"label": labels}

    return dict(
        generator=model.generator,
        discriminator=lambda x: model.validity(model.features(x)),
        q=lambda x: model.recognition(model.features(x)),
        read=lambda out: {"label": logits(out)},
        sample=draw,
        step=lambda: model.train_step(data[:64]),
        optimisers=[model.d_optimizer, model.g_optimizer, model.q_optimizer],
        real=data[:64],
        generate=predict,
    )
