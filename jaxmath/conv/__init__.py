r"""Filtering and convolution in one, two and three dimensions.

**Axes.** Without channels an array is one signal, image or volume of rank 1, 2 or 3, and the kernel has its rank. With
channels, which rank 4 and 5 always have and rank 3 has on demand (``channels=True``), there is a batch, and the
channels come last, as accelerators, TensorFlow and Flax have it:

============ =================== =====================================
dimensions   array               kernel
============ =================== =====================================
1            ``(n, w, c)``       ``(kw, c / groups, m)``
2            ``(n, h, w, c)``    ``(kh, kw, c / groups, m)``
3            ``(n, d, h, w, c)`` ``(kd, kh, kw, c / groups, m)``
============ =================== =====================================

PyTorch has the channels first. Arrays ``(n, c, h, w)`` come over by ``jnp.moveaxis(x, 1, -1)``, kernels
``(m, c / groups, kh, kw)`` of its ``Conv2d`` by ``kernel.transpose(2, 3, 1, 0)``, and ``(c, m, kh, kw)`` of its
``ConvTranspose2d`` by ``kernel.transpose(2, 3, 0, 1)``.

**Options.** Strides, dilations and sizes of windows are one whole number for all axes or one for each. Padding is with
zeros: ``"valid"`` adds none; ``"same"`` gives ceil(size / stride) places, with the extra zero of an even kernel at the
end; ``"full"`` takes every place at which the kernel meets the array; or a pair (before, after) for each axis.

**Numbers.** Integers and booleans are taken as floats; float16 and bfloat16 are computed in float32. The result is of
the wider type of array and kernel. Products are in full precision on every device, so that they can be compared with
those of NumPy; the layers of networks leave that to the device.
"""

from jaxmath.conv.convolution import convolve, correlate, transposed
from jaxmath.conv.images import filter_image
from jaxmath.conv.kernels import EdgeKernels, box_kernel, edge_kernels, gaussian_kernel, motion_kernel, sobel_kernels
from jaxmath.conv.otherwise import convolve_fft, patches
from jaxmath.conv.sizes import output_size, receptive_field

__all__ = [
    "EdgeKernels",
    "box_kernel",
    "convolve",
    "convolve_fft",
    "correlate",
    "edge_kernels",
    "filter_image",
    "gaussian_kernel",
    "motion_kernel",
    "output_size",
    "patches",
    "receptive_field",
    "sobel_kernels",
    "transposed",
]
