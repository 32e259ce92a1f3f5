"""The peer models in plain PyTorch."""

from __future__ import annotations

import torch
from torch import nn


class IdentityBlock(nn.Module):
    """The identity block of TensorFlow's custom-layers tutorial."""

    def __init__(self, channels: int = 3, filters: tuple[int, int, int] = (1, 2, 3), kernel_size: int = 1) -> None:
        super().__init__()
        first, second, third = filters
        self.conv2a = nn.Conv2d(channels, first, 1)
        self.bn2a = nn.BatchNorm2d(first)
        self.conv2b = nn.Conv2d(first, second, kernel_size, padding="same")
        self.bn2b = nn.BatchNorm2d(second)
        self.conv2c = nn.Conv2d(second, third, 1)
        self.bn2c = nn.BatchNorm2d(third)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.bn2a(self.conv2a(inputs)))
        x = torch.relu(self.bn2b(self.conv2b(x)))
        return torch.relu(self.bn2c(self.conv2c(x)) + inputs)


class Bottleneck(nn.Module):
    """ResNet's block with the stride on its first convolution, as in Keras's."""

    def __init__(self, channels: int, filters: int, stride: int, project: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 1, stride)
        self.bn1 = nn.BatchNorm2d(filters, eps=1.001e-5)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(filters, eps=1.001e-5)
        self.conv3 = nn.Conv2d(filters, 4 * filters, 1)
        self.bn3 = nn.BatchNorm2d(4 * filters, eps=1.001e-5)
        self.shortcut = nn.Identity()
        if project:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, 4 * filters, 1, stride), nn.BatchNorm2d(4 * filters, eps=1.001e-5)
            )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        x = torch.relu_(self.bn1(self.conv1(inputs)))
        x = torch.relu_(self.bn2(self.conv2(x)))
        return torch.relu_(self.bn3(self.conv3(x)) + self.shortcut(inputs))


class ResNet50(nn.Module):
    """ResNet-50."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, 3), nn.BatchNorm2d(64, eps=1.001e-5), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        )
        channels, blocks = 64, []
        for i, count in enumerate((3, 4, 6, 3)):
            for j in range(count):
                blocks.append(Bottleneck(channels, 64 * 2**i, 2 if i and not j else 1, project=not j))
                channels = 256 * 2**i
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.stem(image))
        return torch.softmax(self.head(x.mean((2, 3))), -1)
