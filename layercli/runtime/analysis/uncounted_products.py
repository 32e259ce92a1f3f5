"""Torch operations that multiply matrices but whose number of products does not follow from the shapes.

Factorisations and solvers iterate or branch on values; some kernels keep their weights in a form without a shape.
"""

from __future__ import annotations

FACTORISATIONS = """
    cholesky cholesky_inverse cholesky_solve _cholesky_solve_helper geqrf ormqr triangular_solve _spsolve
    linalg_cholesky_ex linalg_eig linalg_eigvals _linalg_eigvals _linalg_eigh _linalg_svd _linalg_det _linalg_slogdet
    _linalg_solve_ex linalg_householder_product linalg_inv_ex linalg_ldl_factor_ex linalg_ldl_solve linalg_lstsq linalg_lu
    linalg_lu_factor_ex linalg_lu_solve linalg_matrix_exp linalg_pinv linalg_qr linalg_solve_triangular
"""

KERNELS = """
    mkldnn_prepacked::conv2d_run sparse::qlinear sparse::qlinear_dynamic sparse::qlinear_relu sparse::qlinear_relu_dynamic
    aten::_sparse_sparse_matmul aten::_cslt_sparse_mm_search
"""

GRADIENTS = """
    _cudnn_attention_backward _cudnn_rnn_backward _cdist_backward _efficient_attention_backward _flash_attention_backward
    _scaled_dot_product_cudnn_attention_backward _scaled_dot_product_efficient_attention_backward
    _scaled_dot_product_flash_attention_backward _scaled_dot_product_flash_attention_for_cpu_backward
    _scaled_dot_product_fused_attention_overrideable_backward _slow_conv2d_backward _sparse_mm_reduce_impl_backward
    linear_backward lstm_mps_backward matmul_backward miopen_rnn_backward mkldnn_linear_backward
    mps_convolution_backward mps_convolution_transpose_backward
    mkldnn_linear_backward_input mkldnn_linear_backward_weights mkldnn_rnn_layer_backward
"""

UNKNOWN_PRODUCTS = frozenset([*KERNELS.split(), *(f"aten::{name}" for name in (FACTORISATIONS + GRADIENTS).split())])
"""Their names without the overload: ``aten::linalg_qr``."""
