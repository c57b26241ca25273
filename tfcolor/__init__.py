"""tfcolor: gray photos in colour, and the training of the networks that do it.

    import tfcolor

    colorizer = tfcolor.load()  # the default model
    rgb = colorizer.colorize(gray)  # uint8 [H, W] or [H, W, 3] -> uint8 [H, W, 3]

Importing tfcolor is quick and imports no TensorFlow; the first use of `Colorizer` or `load` does.
"""

__version__ = "0.1.0"
__all__ = ["Colorizer", "load"]


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module 'tfcolor' has no attribute {name!r}")
    from tfcolor.colorizer import Colorizer

    return Colorizer if name == "Colorizer" else Colorizer.load


def __dir__():
    return sorted([*globals(), *__all__])
