"""Operations outside of layers as files name them: Keras's classes by module, those that are only read, and ours."""

from __future__ import annotations

from collections.abc import Mapping

CLASSES = {
    "keras.src.ops.numpy": (
        "Absolute Add All Amax Amin Angle Any Append Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh Argmax "
        "Argmin Argsort Average BitwiseAnd BitwiseInvert BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift "
        "BitwiseXor BroadcastTo Cbrt Ceil Clip Concatenate Conj Conjugate Copy Corrcoef Cos Cosh CountNonzero Cross "
        "Cumprod Cumsum Deg2rad Diagonal Diff Divide DivideNoNan Dot Dsplit Dstack Einsum Equal Exp Exp2 ExpandDims "
        "Expm1 Fabs Flip Fliplr Flipud Floor FloorDivide Fmax Fmin Fmod FullLike Gcd GetItem Greater GreaterEqual "
        "Heaviside Hsplit Hstack Hypot I0 Imag Inner Isfinite Isinf Isnan Isneginf Isposinf Isreal Kron Lcm Ldexp "
        "LeftShift Less LessEqual Log Log10 Log1p Log2 Logaddexp Logaddexp2 LogicalAnd LogicalNot LogicalOr "
        "LogicalXor Matmul Max Maximum Mean Median Meshgrid Min Minimum Mod Moveaxis Multiply NanToNum Nanargmax "
        "Nanargmin Nancumprod Nancumsum Nanmax Nanmean Nanmin Nanprod Nanstd Nansum Nanvar Negative Nextafter "
        "NotEqual OnesLike Outer Pad Power Prod Ptp Rad2deg Ravel Real Reciprocal Repeat Reshape RightShift Roll "
        "Rot90 Round Sign Signbit Sin Sinc Sinh Slogdet Sort Split Sqrt Square Squeeze Stack Std Subtract Sum "
        "Swapaxes Take TakeAlongAxis Tan Tanh Tensordot Tile Trace Transpose Trapezoid Tril Triu TrueDivide Trunc Var "
        "Vdot Vsplit Vstack Where ZerosLike"
    ),
    "keras.src.ops.nn": (
        "Celu Elu Gelu Glu HardShrink HardSigmoid HardSilu HardTanh LeakyRelu LogSigmoid LogSoftmax OneHot Polar Relu "
        "Relu6 Selu Sigmoid Silu SoftShrink Softmax Softplus Softsign SparsePlus SparseSigmoid Sparsemax Squareplus "
        "TanhShrink Threshold"
    ),
    "keras.src.ops.math": "Erf Erfc Erfinv InTopK Logdet Logsumexp Rsqrt TopK ViewAsComplex ViewAsReal",
    "keras.src.ops.core": "Cast SaturateCast ScatterUpdate Unstack",
    "keras.src.ops.linalg": "Cholesky Det Eigh Inv MatrixRank Norm Pinv Qr Solve SolveTriangular",
    "keras.src.activations.activations": "Mish ReLU",
}
"""Where Keras has its classes of operations that are ours as well."""


READ = {
    "keras.src.ops.numpy": (
        "Abs AllClose Array View Bincount Diag Diagflat Digitize EmptyLike Isclose IsIn Nanmedian Nanpercentile Nanquantile "
        "Ndim Nonzero Percentile Quantile UnravelIndex SearchSorted Size Vander Correlate Select Argpartition Histogram "
        "ArraySplit Unique"
    ),
    "keras.src.ops.nn": (
        "MaxPool AdaptiveMaxPool AveragePool AdaptiveAveragePool Conv DepthwiseConv SeparableConv ConvTranspose "
        "BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy MultiHot Moments BatchNorm CTCLoss "
        "CTCDecode Normalize PSNR DotProductAttention RMSNorm LayerNorm Unfold Fold DepthToSpace SpaceToDepth"
    ),
    "keras.src.ops.math": (
        "SegmentSum SegmentMax SegmentMin SegmentProd CDist ExtractSequences FFT FFT2 IFFT2 RFFT IRFFT STFT ISTFT"
    ),
    "keras.src.ops.core": "Scatter Slice SliceUpdate StopGradient ConvertToTensor",
    "keras.src.ops.linalg": "CholeskyInverse Eig LuFactor SVD Lstsq",
    "keras.src.ops.image": (
        "RGBToGrayscale RGBToHSV HSVToRGB Resize AffineTransform ExtractPatches MapCoordinates PadImages CropImages "
        "PerspectiveTransform GaussianBlur ElasticTransform ScaleAndTranslate SobelEdges SSIM"
    ),
    "keras.src.ops.einops": "Rearrange",
}
"""Keras's other classes of operations that are read: ours of that name are written by their own classes."""


READ_NAMES = {name for names in READ.values() for name in names.split()}


MODULE_OF = {name: module for module, names in CLASSES.items() for name in names.split()}


OTHER_NAMES = {
    "GetItem": "getitem", "TrueDivide": "divide", "AllClose": "allclose", "IsIn": "isin",
    "SearchSorted": "searchsorted", "CDist": "cdist", "RMSNorm": "rms_normalization", "LayerNorm": "layer_normalization",
}  # fmt: skip
"""The operations whose name is not Keras's in snake case."""


OURS = "layercli.ops"
"""The module of operations that Keras has no class for: each by its own class, its fields being its settings."""


def is_operation(described: Mapping[str, object]) -> bool:
    """Return whether a config is one of an operation rather than a layer."""
    module = str(described.get("module"))
    return module == OURS or module.startswith(("keras.src.ops.", "keras.src.activations"))
