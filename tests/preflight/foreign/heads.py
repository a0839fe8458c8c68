"""A trunk with two heads, DCGAN layers, noise (N, nz, 1, 1), two categorical codes and two continuous ones."""

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim

device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
params = {"num_z": 6, "num_dis_c": 2, "dis_c_dim": 4, "num_con_c": 2, "lr": 2e-3, "beta1": 0.5}


def get_data(n):
    """A bright square somewhere on 8 x 8, in [-1, 1]."""
    data = -torch.ones(n, 1, 8, 8)
    for i in range(n):
        r, c = np.random.randint(0, 5, 2)
        data[i, :, r : r + 3, c : c + 3] = np.random.uniform(0.2, 1)
    return data.to(device)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        nz = params["num_z"] + params["num_dis_c"] * params["dis_c_dim"] + params["num_con_c"]
        self.tconv1 = nn.ConvTranspose2d(nz, 32, 4, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.tconv2 = nn.ConvTranspose2d(32, 1, 4, 2, 1)

    def forward(self, x):
        x = torch.relu(self.bn1(self.tconv1(x)))
        return torch.tanh(self.tconv2(x))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 4, 2, 1)
        self.conv2 = nn.Conv2d(16, 32, 4, bias=False)
        self.bn2 = nn.BatchNorm2d(32)

    def forward(self, x):
        x = nn.functional.leaky_relu(self.conv1(x), 0.1)
        return nn.functional.leaky_relu(self.bn2(self.conv2(x)), 0.1)


class DHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(32, 1, 1)

    def forward(self, x):
        return torch.sigmoid(self.conv(x))


class QHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(32, 24, 1)
        self.conv_disc = nn.Conv2d(24, params["num_dis_c"] * params["dis_c_dim"], 1)
        self.conv_mu = nn.Conv2d(24, params["num_con_c"], 1)
        self.conv_var = nn.Conv2d(24, params["num_con_c"], 1)

    def forward(self, x):
        x = nn.functional.leaky_relu(self.conv1(x), 0.1)
        disc_logits = self.conv_disc(x).squeeze()
        mu = self.conv_mu(x).squeeze()
        var = torch.exp(self.conv_var(x).squeeze()) + 0.02
        return disc_logits, mu, var


class NormalNLLLoss:
    def __call__(self, x, mu, var):
        logli = -0.5 * (var.mul(2 * np.pi) + 1e-6).log() - (x - mu).pow(2).div(var.mul(2.0) + 1e-6)
        return -(logli.sum(1).mean())


def noise_sample(n_dis_c, dis_c_dim, n_con_c, n_z, batch_size):
    z = torch.randn(batch_size, n_z, 1, 1, device=device)
    idx = np.zeros((n_dis_c, batch_size))
    dis_c = torch.zeros(batch_size, n_dis_c, dis_c_dim, device=device)
    for i in range(n_dis_c):
        idx[i] = np.random.randint(dis_c_dim, size=batch_size)
        dis_c[torch.arange(0, batch_size), i, idx[i]] = 1.0
    con_c = torch.rand(batch_size, n_con_c, 1, 1, device=device) * 2 - 1
    noise = torch.cat((z, dis_c.view(batch_size, -1, 1, 1), con_c), dim=1)
    return noise, idx


def new_noise(n):
    return noise_sample(params["num_dis_c"], params["dis_c_dim"], params["num_con_c"], params["num_z"], n)


netG = Generator().to(device)
discriminator = Discriminator().to(device)
netD = DHead().to(device)
netQ = QHead().to(device)

criterionD = nn.BCELoss()
criterionQ_dis = nn.CrossEntropyLoss()
criterionQ_con = NormalNLLLoss()

optimD = optim.Adam(
    [{"params": discriminator.parameters()}, {"params": netD.parameters()}], lr=params["lr"], betas=(0.5, 0.999)
)
optimG = optim.Adam([{"params": netG.parameters()}, {"params": netQ.parameters()}], lr=params["lr"], betas=(0.5, 0.999))


def d_loss(real_data, fake_data, codes=None):
    label = torch.ones(len(real_data), device=device)
    probs_real = netD(discriminator(real_data)).view(-1)
    loss_real = criterionD(probs_real, label)
    label = torch.zeros(len(fake_data), device=device)
    probs_fake = netD(discriminator(fake_data.detach())).view(-1)
    loss_fake = criterionD(probs_fake, label)
    return loss_real + loss_fake


def g_loss(fake_data, idx, con_c):
    output = discriminator(fake_data)
    probs_fake = netD(output).view(-1)
    gen_loss = criterionD(probs_fake, torch.ones(len(fake_data), device=device))
    q_logits, q_mu, q_var = netQ(output)
    target = torch.LongTensor(idx).to(device)
    dis_loss = 0
    for j in range(params["num_dis_c"]):
        dis_loss += criterionQ_dis(q_logits[:, j * 4 : j * 4 + 4], target[j])
    con_loss = criterionQ_con(con_c, q_mu, q_var) * 0.1
    return gen_loss + dis_loss + con_loss


def train(iterations):
    for _ in range(iterations):
        real_data = get_data(64)
        optimD.zero_grad()
        noise, idx = new_noise(64)
        fake_data = netG(noise)
        d_loss(real_data, fake_data).backward()
        optimD.step()
        optimG.zero_grad()
        g_loss(fake_data, idx, noise[:, -2:, 0, 0]).backward()
        optimG.step()


def look(noise):
    netG.eval()
    with torch.no_grad():
        images = netG(noise)
    netG.train()
    return images


# ---- preflight ------------------------------------------------------------------------------------


def draw(n):
    noise, idx = new_noise(n)
    return noise, {"d0": torch.LongTensor(idx[0]), "d1": torch.LongTensor(idx[1]), "con": noise[:, -2:, 0, 0]}


def check():
    from infogan_lib.measure.preflight import gaussian, logits

    return dict(
        generator=netG,
        discriminator=lambda x: netD(discriminator(x)),
        q=lambda x: netQ(discriminator(x)),
        read=lambda out: {
            "d0": logits(out[0][:, :4]),
            "d1": logits(out[0][:, 4:]),
            "con": gaussian(out[1], var=out[2]),
        },
        sample=draw,
        loss_d=d_loss,
        loss_g=lambda fake, c: g_loss(fake, torch.stack([c["d0"], c["d1"]]), c["con"]),
        optimisers=[optimD, optimG],
        real=get_data(64),
        generate=look,
        sweep={"con": (-1, 1)},
    )
