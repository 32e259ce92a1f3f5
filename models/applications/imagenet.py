"""The means and the standard deviations of ImageNet's red, green and blue, for values from 0 to 1."""

MEANS = (0.485, 0.456, 0.406)
DEVIATIONS = (0.229, 0.224, 0.225)
