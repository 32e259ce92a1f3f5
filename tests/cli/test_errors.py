"""Bad input: one sentence on stderr, the right exit code, nothing written."""

from __future__ import annotations

WRONG_USE = [
    ("summary resnet-bloc", "there is no model 'resnet-bloc'", "did you mean resnet-block?"),
    ("summary nothing-like-it", "there is no model 'nothing-like-it'", "layercli models lists them"),
    ("summary resnet-block --set filtrs=3", "resnet-block has no setting 'filtrs'", "did you mean filters?"),
    (
        "summary resnet-block --set filters=3",
        "ResnetIdentityBlock expects filters to be 3 positive whole numbers, got 3",
        None,
    ),
    ("summary mlp --set units=many", "MLP expects units to be a positive whole number, got 'many'", None),
    ("summary mlp --set units", "a setting is written name=value, got 'units'", None),
    (
        "summary decoder --set preset=9b",
        "Decoder expects preset to be 'tiny' or '8b' or '70b' or '405b', got '9b'",
        None,
    ),
    ("summary mlp --set activation=rleu", "there is no activation 'rleu'", "did you mean relu or selu or relu6?"),
    (
        "summary mlp --input-shape 32,100,784,5,6",
        None,
        None,
    ),
    ("summary mlp --input-shape 32,100", "head (Dense) expects", None),
    ("summary mlp --input-shape 0,784", "a size is at least 1, got 0 in '0,784'", None),
    ("summary mlp --input-shape -1,784", "a size is at least 1, got -1 in '-1,784'", None),
    (
        "summary mlp --input-shape 32x784",
        "cannot read the shape '32x784'",
        "sizes with commas between, as in 32,100 or 1,T,512",
    ),
    (
        "summary mlp --input-shape 32,784:flaot32",
        "there is no dtype 'flaot32'",
        "did you mean float32 or float or float64?",
    ),
    ("summary mlp --at T=3", "the input has no size named 'T'", "named sizes: B"),
    ("summary mlp --at B=zero", "a size is given as T=4096, got 'B=zero'", None),
    ("summary mlp --columns macs,parms", "there is no column 'parms'", "did you mean params or parameters?"),
    ("vars mlp kernl", "no variable of mlp matches 'kernl'", None),
    ("run mlp --device gpu", "a device is auto, cpu, cuda or cuda:N, got 'gpu'", None),
    ("run mlp --fill noise", "inputs are filled with random, zeros, ones, not 'noise'", None),
    ("run mlp --output y.txt", "outputs are written to .npy or .npz, not 'y.txt'", None),
    (
        "run sequential",
        "the input float32[1, None, None, 3] has a size that is not known",
        "give all sizes with --input-shape",
    ),
    (
        "run transformer-encoder",
        "the input float32[1, T, 512] has a size that is not known",
        "--at T=128",
    ),
    ("sumary mlp", "no such command 'sumary'", "did you mean summary?"),
    ("summary", "missing argument 'MODEL'", None),
    ("summary mlp --depth 0", "invalid value for '--depth' / '-d': 0 is not in the range x>=1", None),
    ("summary mlp --format yaml", None, None),
    ("summary mlp --colums all", None, None),
]
